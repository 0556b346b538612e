"""Conversion, checks, statistics, reports and weights."""

import json
from pathlib import Path

import pytest

import seqformer as sf


def test_annotations_are_converted_there_and_back(files, tmp_path, pixels):
    done = sf.convert(files[0], tmp_path / "davis", "davis")
    assert (done.from_format, done.was_guessed, done.num_videos, done.num_tracks) == ("ytvis", True, 2, 3)
    assert done.notes, "palette images hold no classes"
    sf.convert(tmp_path / "davis", tmp_path / "again.json")
    street = sf.load_annotations(tmp_path / "again.json").video("street")
    assert (street[2].masks == pixels[:2, 2]).all()
    with pytest.raises(sf.OutputError, match="again.json: already exists"):
        sf.convert(files[0], tmp_path / "again.json")
    with pytest.raises(ValueError, match='to: expected one of ytvis, coco.*found "voc"'):
        sf.convert(files[0], tmp_path / "voc", "voc")
    with pytest.raises(sf.DataError, match="missing.xml"):
        sf.convert(tmp_path / "missing.xml", tmp_path / "out.json")


def test_faults_are_listed(files, tmp_path, annotations):
    assert sf.check(files[0]).ok
    broken = json.loads(json.dumps(annotations))
    broken["annotations"][1]["video_id"] = 9
    (tmp_path / "broken.json").write_text(json.dumps(broken))
    found = sf.check(tmp_path / "broken.json", fix=tmp_path / "fixed.json")
    assert (found.ok, found.num_errors, found.num_videos, found.num_annotations) == (False, 1, 2, 3)
    assert found.problems[0]["kind"] == "unknown_record"
    assert "annotations[1]" in str(found)
    with pytest.raises(sf.OutputError, match="already exists"):
        sf.check(tmp_path / "broken.json", fix=tmp_path / "fixed.json")


def test_what_a_dataset_holds_is_counted(files):
    found = sf.stats(files[0])
    assert (found.num_videos, found.num_frames, found.num_tracks, found.num_masks) == (2, 8, 3, 11)
    assert [(one["name"], one["num_tracks"]) for one in found.classes] == [("cat", 2), ("dog", 1)]
    assert "cat" in str(found)
    with pytest.raises(AttributeError, match="num_cats"):
        found.num_cats


def test_a_report_is_written(files, tmp_path):
    written = sf.report(files[0], files[1], tmp_path / "report")
    assert written.num_videos == 2
    assert "<html" in Path(written.index).read_text(encoding="utf-8")
    with pytest.raises(sf.OutputError, match="an earlier report"):
        sf.report(files[0], files[1], tmp_path / "report")
    with pytest.raises(ValueError, match="found 3"):
        sf.report(files[0], [files[1]] * 3, tmp_path / "other")


def test_weights_are_inspected(golden, tmp_path):
    found = sf.weights.info(golden / "tiny_model.pth")
    assert found.num_tensors == len(found.tensors) > 100
    assert found.num_bytes == (golden / "tiny_model.pth").stat().st_size
    assert "detr.query_embed.weight" in str([tensor["name"] for tensor in found.tensors])
    (tmp_path / "not.pth").write_text("weights")
    with pytest.raises(sf.CheckpointError, match="not.pth: expected a .pth"):
        sf.weights.info(tmp_path / "not.pth")
