"""Annotated videos and results."""

import numpy as np
import pytest

import seqformer as sf


def test_frames_have_the_masks_of_the_file(annotations, pixels):
    dataset = sf.load_annotations(annotations)
    assert [video.name for video in dataset] == ["street", "yard"]
    street = dataset.video("street")
    assert (len(dataset), len(street), street.height, street.width) == (2, 4, 24, 32)
    assert repr(street) == "<seqformer.Video 1 (street): 4 frames of 24x32 with 2 objects>"
    for frame in street:
        seen = [0, 1] if frame.index != 1 else [0]
        assert (frame.masks == pixels[seen, frame.index]).all() and frame.masks.dtype == bool
        assert frame.names == [["cat", "dog"][place] for place in seen]
        assert frame.file_name == f"street/{frame.index:05}.jpg"
        assert frame.scores is None
    assert street[-1].boxes.tolist() == [[3, 5, 9, 8], [17, 12, 6, 8]]
    assert street[0].track_ids.tolist() == [track.id for track in street.tracks]
    with pytest.raises(IndexError, match="a frame of 0 to 3, found 4"):
        street[4]
    with pytest.raises(IndexError, match="one of the 2 videos, found 2"):
        dataset[2]
    with pytest.raises(KeyError, match="found 'road'"):
        dataset.video("road")


def test_tracks_have_boxes_areas_and_run_lengths(annotations, pixels):
    dog = sf.load_annotations(annotations)[0].tracks[1]
    assert dog.areas.tolist() == [48, 0, 48, 48]
    assert np.isnan(dog.boxes[1]).all() and dog.boxes[0].tolist() == [14, 12, 6, 8]
    assert dog.rles[1] is None and dog.mask(1) is None
    assert (dog.mask(2) == pixels[1, 2]).all()
    assert (dog.name, dog.class_id, dog.score, dog.is_crowd) == ("dog", 2, None, False)


def test_results_have_scores_and_become_tables(files):
    results = sf.load_results(files[1], gt=files[0], min_score=0.75)
    assert [len(video.tracks) for video in results] == [2, 0]
    assert results[0][0].scores.tolist() == pytest.approx([0.9, 0.8])
    table = results.to_pandas()
    assert len(table) == 7
    dogs = table[table["class"] == "dog"]
    assert dogs["frame"].tolist() == [0, 2, 3] and set(dogs["area"]) == {48}
    assert dogs[["x", "y", "width", "height"]].iloc[0].tolist() == [14, 12, 6, 8]
    assert list(results[1].to_pandas().columns) == list(table.columns)


def test_what_is_loaded_is_given_back(files, annotations, results):
    dataset = sf.load_annotations(files[0])
    for key in ("id", "video_id", "category_id", "segmentations"):
        found = [entry[key] for entry in dataset.to_ytvis()["annotations"]]
        assert found == [entry[key] for entry in annotations["annotations"]]
    assert dataset.to_ytvis()["videos"] == annotations["videos"]
    assert sf.load_results(files[1]).to_ytvis() == results


def test_files_of_other_tools_are_written(files, tmp_path, results):
    loaded = sf.load_results(files[1], gt=files[0])
    written = loaded.save(tmp_path / "out", ["csv", "png", "coco"])
    assert [path.rsplit("/", 1)[1] for path in written] == ["results.csv", "results.masks", "results.coco.json"]
    again = sf.load_annotations(tmp_path / "out" / "results.masks")
    assert [len(video) for video in again] == [4, 4]
    one = loaded[1].save(tmp_path / "out", ["ytvis"])
    assert len(sf.load_annotations(one[0])) == 1
    with pytest.raises(sf.OutputError, match="already exists"):
        loaded.save(tmp_path / "out", ["labelme", "csv"])
    assert not (tmp_path / "out" / "results.labelme").exists(), "all names are checked before the work begins"
    loaded.save(tmp_path / "out", ["csv"], overwrite=True)
    with pytest.raises(ValueError, match="kinds: expected each once of ytvis.*found 'jpeg'"):
        loaded.save(tmp_path / "out", ["jpeg"])
    with pytest.raises(sf.OutputError, match="never replaced"):
        sf.load_results(files[1]).save(tmp_path, [], overwrite=True) or sf.convert(
            files[0], files[0], "coco", overwrite=True
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gt.json", "out", "results.json"]


def test_detections_of_supervision(annotations, pixels):
    pytest.importorskip("supervision")
    first = next(iter(sf.load_annotations(annotations)[0].to_supervision()))
    assert first.xyxy.tolist() == [[3, 2, 12, 10], [14, 12, 20, 20]]
    assert (first.mask == pixels[:2, 0]).all()
    assert first.tracker_id.tolist() == [1, 2] and first["class_name"].tolist() == ["cat", "dog"]


def test_a_video_shows_itself_with_the_player(annotations, results):
    import html

    broken = {**annotations, "categories": [{"id": 1, "name": "</script><b>"}, {"id": 2, "name": "dog"}]}
    for video, label in ((sf.load_annotations(broken)[0], "annotations"), (sf.load_results(results)[0], "results")):
        shown = video._repr_html_()
        page = html.unescape(shown.split('srcdoc="')[1].split('">')[0])
        assert shown.startswith("<iframe sandbox") and 'src="' not in page and label in page
        # Scripts end where their elements do, and all masks of the video are there.
        assert page.count("<script>") == page.count("</script>") == 8
        first = video.tracks[0].rles[0]["counts"].decode()
        assert first.replace("\\", "\\\\").replace("</", "<\\/") in page
