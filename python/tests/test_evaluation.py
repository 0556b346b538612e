"""Metrics against the golden numbers of the official tool."""

import json
import logging

import numpy as np
import pytest

import seqformer as sf
from seqformer.compat.pycocotools.ytvos import YTVOS
from seqformer.compat.pycocotools.ytvoseval import YTVOSeval


@pytest.mark.parametrize("case", ["eval", "eval_edge"])
def test_the_twelve_numbers_are_those_of_the_official_tool(golden, case):
    folder = golden / case
    expected = json.loads((folder / "summary.json").read_text())["stats"]
    found = sf.evaluate(folder / "gt.json", folder / "results.json")
    assert found.stats == pytest.approx(expected, abs=1e-12)
    assert f"{expected['AP']:.3f}" in found.summary.splitlines()[0]


@pytest.mark.parametrize("case", ["eval", "eval_edge"])
def test_the_compatible_layer_gives_the_numbers_of_the_official_tool(golden, case, capsys):
    folder = golden / case
    expected = json.loads((folder / "summary.json").read_text())
    gt = YTVOS(folder / "gt.json")
    # Results of videos that the annotations lack are refused on loading, as by the official tool.
    evaluation = YTVOSeval(gt, gt.loadRes(str(folder / "results.json")), "segm")
    assert evaluation.params.vidIds == expected["vidIds"]
    assert evaluation.params.catIds == expected["catIds"]
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats == pytest.approx(list(expected["stats"].values()), abs=1e-12)
    for name in ("precision", "recall"):
        assert np.abs(evaluation.eval[name] - np.load(folder / f"{name}.npy")).max() < 1e-12
    printed = capsys.readouterr().out
    assert printed.count("\n") == 12
    assert printed == str(evaluation)


def test_videos_and_categories_can_be_chosen(golden):
    gt = YTVOS(golden / "eval" / "gt.json")
    found = gt.loadRes(str(golden / "eval" / "results.json"))
    precision = np.load(golden / "eval" / "precision.npy")
    evaluation = YTVOSeval(gt, found)
    evaluation.params.catIds = [4, 2]
    evaluation.evaluate()
    evaluation.accumulate()
    assert np.abs(evaluation.eval["precision"] - precision[:, :, [1, 3]]).max() < 1e-12
    evaluation.params.maxDets = [1, 10, 50]
    with pytest.raises(ValueError, match="params.maxDets: expected .1, 10, 100."):
        evaluation.evaluate()


def test_annotations_are_found_as_by_the_official_tool(annotations, pixels, tmp_path):
    (tmp_path / "gt.json").write_text(json.dumps(annotations))
    gt = YTVOS(tmp_path / "gt.json")
    assert gt.getCatIds(catNms=["dog"]) == [2]
    assert gt.getVidIds(catIds=[1, 2]) == [1]
    assert gt.getAnnIds(vidIds=1) == [1, 2]
    assert gt.getAnnIds(catIds=[1], iscrowd=0) == [1, 3]
    assert [vid["id"] for vid in gt.loadVids([2])] == [2]
    dog = gt.loadAnns(2)[0]
    assert (gt.annToMask(dog, 0) == pixels[1, 0]).all()
    assert gt.annToMask(dog, 1) is None
    found = gt.loadRes([{"video_id": 1, "category_id": 2, "score": 0.5, "segmentations": dog["segmentations"]}])
    assert found.getAnnIds(areaRng=[47, 49]) == [1]
    assert found.getAnnIds(areaRng=[49, 99]) == []
    with pytest.raises(sf.DataError, match=r"\[0\].*found 9"):
        gt.loadRes([{"video_id": 9}])


def test_a_perfect_model_has_every_number_at_its_best(annotations, results):
    found = sf.evaluate(annotations, results, ["ap", "box-ap", "hota", "mots", "idf1", "jf", "teta"])
    for name in ("AP", "box-AP", "HOTA", "MOTSA", "IDF1", "J&F"):
        assert found.stats[name] == pytest.approx(1.0), name
        if name != "J&F":
            assert set(found.per_class) == {"cat", "dog"}
            assert found.per_class["dog"][name] == pytest.approx(1.0), name
    assert set(found.per_video) == {"1", "2"}
    assert found.per_video["2"]["HOTA"] == pytest.approx(1.0)
    assert found.to_pandas().loc["cat", "AP50"] == 1.0
    assert found["hota"]["per_class"]["cat"]["curves"]
    assert str(found) == found.summary and "HOTA" in found.summary


def test_files_lists_and_loaded_videos_give_equal_numbers(files, annotations, results):
    worse = results[:2]
    expected = sf.evaluate(files[0], worse, ["ap", "hota"]).numbers
    dataset, loaded = sf.load_annotations(files[0]), sf.load_results(worse, gt=files[0])
    assert sf.evaluate(dataset, loaded, ["ap", "hota"]).numbers == expected
    assert sf.evaluate(annotations, worse, ["ap", "hota"]).numbers == expected
    # The second cat is missed.
    assert sf.evaluate(annotations, worse).per_class["cat"]["AR100"] == 0.5


def test_results_are_compared(annotations, results):
    found = sf.compare(annotations, results, results[:2], ["ap"], draws=50)
    assert found["ap"]["difference"] == pytest.approx(1 - (51 / 101 + 1) / 2)
    assert "AP" in found.summary


def test_errors_have_the_words_of_the_command(tmp_path, annotations, results):
    with pytest.raises(sf.DataError, match="missing.json: cannot read the file"):
        sf.evaluate(tmp_path / "missing.json", results)
    with pytest.raises(sf.DataError, match=r"results.json.*\[0\].*video 1.*score"):
        sf.evaluate(annotations, [{**results[0], "score": "high"}])
    with pytest.raises(ValueError, match='metrics: expected one of ap, box-ap, hota.*found "mota"'):
        sf.evaluate(annotations, results, ["mota"])
    with pytest.raises(ValueError, match="empty_masks: expected one of detections, absent"):
        sf.evaluate(annotations, results, empty_masks="none")
    with pytest.raises(sf.DataError, match="gt: expected a path, a list or a dictionary, found int"):
        sf.evaluate(3, results)


def test_warnings_go_to_the_logger(annotations, results, caplog):
    with caplog.at_level(logging.WARNING, logger="seqformer"):
        sf.evaluate(annotations, [*results, {**results[0], "category_id": 7}])
    assert "1 results left out: their category_id" in caplog.text
