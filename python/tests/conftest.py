"""What the tests share: a small dataset, and the half with libtorch where it is there."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

import seqformer as sf

# Threads that wait sleep: else a monitor of them starts more when other programs need the cores, and tests count threads.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "golden" / "public"


@pytest.fixture(scope="session")
def golden():
    """The folder of golden files."""
    return GOLDEN


def _text(mask):
    rle = sf.masks.encode(mask)
    return {"size": rle["size"], "counts": rle["counts"].decode()}


@pytest.fixture(scope="session")
def pixels():
    """Masks of three objects, [I, T, H, W]: the second one is absent on frame 1."""
    masks = np.zeros((3, 4, 24, 32), dtype=bool)
    for frame in range(4):
        masks[0, frame, 2 + frame : 10 + frame, 3:12] = True
        masks[1, frame, 12:20, 14 + frame : 20 + frame] = frame != 1
        masks[2, frame, 5:9, 20:30] = True
    return masks


@pytest.fixture(scope="session")
def annotations(pixels):
    """Two videos with the objects of `pixels`: cat and dog in the first one, cat in the second one."""
    videos = [
        {"id": id, "height": 24, "width": 32, "length": 4, "file_names": [f"{name}/{i:05}.jpg" for i in range(4)]}
        for id, name in ((1, "street"), (2, "yard"))
    ]
    objects = [(1, 1), (1, 2), (2, 1)]
    return {
        "videos": videos,
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {
                "id": index + 1,
                "video_id": video,
                "category_id": category,
                "iscrowd": 0,
                "segmentations": [_text(mask) if mask.any() else None for mask in pixels[index]],
            }
            for index, (video, category) in enumerate(objects)
        ],
    }


@pytest.fixture(scope="session")
def results(annotations):
    """What a perfect model finds, with scores of 0.9, 0.8 and 0.7."""
    return [
        {
            "video_id": track["video_id"],
            "category_id": track["category_id"],
            "score": 0.9 - 0.1 * index,
            "segmentations": track["segmentations"],
        }
        for index, track in enumerate(annotations["annotations"])
    ]


@pytest.fixture
def files(tmp_path, annotations, results):
    """The same as files."""
    gt, found = tmp_path / "gt.json", tmp_path / "results.json"
    gt.write_text(json.dumps(annotations))
    found.write_text(json.dumps(results))
    return gt, found


@pytest.fixture(scope="session")
def engine():
    from seqformer import _load_engine

    # A shell that starts a program in the background has it ignore SIGINT, and Python then leaves it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _load_engine.engine()
    except ImportError as error:
        pytest.skip(f"not tested: {error}")
