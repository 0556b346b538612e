"""Datasets of FiftyOne, with a module in its place that takes what its documentation says."""

import sys
from types import ModuleType

import numpy as np
import pytest

import seqformer as sf
from seqformer._fiftyone import _shares


class Instance:
    pass


class Detection:
    def __init__(self, *, label, bounding_box, mask=None, confidence=None, index=None, instance=None):
        assert isinstance(label, str) and isinstance(instance, Instance) and type(index) is int
        assert len(bounding_box) == 4 and all(type(share) is float and 0 <= share <= 1 for share in bounding_box)
        assert mask is None or (mask.ndim == 2 and mask.dtype == bool)
        assert confidence is None or type(confidence) is float
        self.label, self.bounding_box, self.mask = label, bounding_box, mask
        self.confidence, self.index, self.instance = confidence, index, instance


class Detections:
    def __init__(self, *, detections):
        self.detections = detections


class Frame:
    def __init__(self, **fields):
        self.fields = fields


class Sample:
    def __init__(self, *, filepath, **fields):
        self.filepath, self.fields, self.frames = filepath, fields, {}


class Dataset:
    def __init__(self, name):
        self.name, self.samples = name, []

    def add_samples(self, samples):
        self.samples.extend(samples)


@pytest.fixture
def fiftyone(monkeypatch):
    module = ModuleType("fiftyone")
    for part in (Instance, Detection, Detections, Frame, Sample, Dataset):
        setattr(module, part.__name__, part)
    monkeypatch.setitem(sys.modules, "fiftyone", module)


@pytest.fixture
def folder(tmp_path):
    for name in ("street", "yard"):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}.mp4").touch()
        for index in range(4):
            (tmp_path / name / f"{index:05}.jpg").touch()
    return tmp_path


def check(detections, pixels, tracks, scored):
    """The detections of a frame against the masks of all objects on it, [I, H, W]."""
    _objects, height, width = pixels.shape
    seen = [place for place in range(len(pixels)) if pixels[place].any()]
    assert [detection.index for detection in detections] == [tracks[place].id for place in seen]
    for detection, place in zip(detections, seen):
        x, y, w, h = detection.bounding_box
        # As FiftyOne places a mask in its image.
        rows = slice(int(height * y), int(height * (y + h)))
        columns = slice(int(width * x), int(width * (x + w)))
        whole = np.zeros((height, width), dtype=bool)
        whole[rows, columns] = detection.mask
        assert (whole == pixels[place]).all() and detection.label == tracks[place].name
        assert (detection.confidence == pytest.approx(tracks[place].score)) if scored else detection.confidence is None


def test_images_are_samples_whose_objects_are_linked(fiftyone, folder, annotations, pixels):
    videos = sf.load_annotations(annotations)
    dataset = videos.to_fiftyone(folder, "both")
    assert dataset.name == "both" and len(dataset.samples) == 8
    street = dataset.samples[:4]
    assert [sample.fields["frame_number"] for sample in street] == [1, 2, 3, 4]
    assert street[2].filepath == str(folder / "street/00002.jpg") and street[2].fields["video"] == "street"
    linked = {}
    for index, sample in enumerate(street):
        found = sample.fields["ground_truth"].detections
        check(found, pixels[:2, index], videos[0].tracks, scored=False)
        for detection in found:
            linked.setdefault(detection.index, set()).add(detection.instance)
    # One instance for each of two objects.
    assert [len(instances) for instances in linked.values()] == [1, 1] and len(set.union(*linked.values())) == 2


def test_films_are_samples_with_frames(fiftyone, folder, files, pixels):
    results = sf.load_results(files[1], gt=files[0])
    dataset = results.to_fiftyone({name: folder / f"{name}.mp4" for name in ("street", "yard")})
    street = dataset.samples[0]
    assert len(dataset.samples) == 2 and street.filepath == str(folder / "street.mp4") and list(street.frames) == [1, 2, 3, 4]
    for number, frame in street.frames.items():
        check(frame.fields["predictions"].detections, pixels[:2, number - 1], results[0].tracks, scored=True)
    alone = results[0].to_fiftyone(folder / "street.mp4")
    assert [sample.filepath for sample in alone.samples] == [street.filepath]


def test_missing_media_and_a_missing_package_are_named(fiftyone, folder, annotations, monkeypatch):
    videos = sf.load_annotations(annotations)
    (folder / "yard/00003.jpg").unlink()
    with pytest.raises(sf.DataError, match="yard: expected the file .*yard/00003.jpg, found nothing"):
        videos.to_fiftyone(folder)
    with pytest.raises(sf.DataError, match="yard: expected the file of this video in media, found street"):
        videos.to_fiftyone({"street": folder / "street.mp4"})
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    with pytest.raises(ImportError, match="needs FiftyOne 1.5 or newer: pip install fiftyone"):
        videos.to_fiftyone(folder)


def test_every_range_of_pixels_survives_that_fiftyone_truncates():
    for size in (1, 7, 96, 427, 1280):
        for start in range(0, size, 1 + size // 50):
            for end in range(start + 1, size + 1, 1 + size // 50):
                first, length = _shares(start, end, size)
                assert (int(size * first), int(size * (first + length))) == (start, end)
                assert abs(first - start / size) < 1e-12 and 0 <= first <= first + length <= 1 + 1e-12
