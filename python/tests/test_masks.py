"""Masks against pycocotools."""

import numpy as np
import pytest
from pycocotools import mask as coco

import seqformer as sf
from seqformer.compat.pycocotools import mask as compat


def random_mask(rng):
    """A mask of up to 60x60 pixels: noise of any density, rectangles, all or nothing."""
    height, width = rng.integers(1, 60, 2)
    kind = rng.integers(4)
    if kind == 0:
        return (rng.random((height, width)) < rng.random()).astype(np.uint8)
    mask = np.full((height, width), kind == 1, dtype=np.uint8)
    for _ in range(rng.integers(4)):
        (y0, y1), (x0, x1) = np.sort(rng.integers(0, height + 1, 2)), np.sort(rng.integers(0, width + 1, 2))
        mask[y0:y1, x0:x1] ^= 1
    return mask


def test_ten_thousand_masks_are_those_of_pycocotools():
    rng = np.random.default_rng(0)
    for _ in range(10_000):
        mask = random_mask(rng)
        expected = coco.encode(np.asfortranarray(mask))
        found = sf.masks.encode(mask)
        assert found == expected
        assert sf.masks.area(found) == coco.area(expected)
        assert (sf.masks.toBbox(found) == coco.toBbox(expected)).all()
        assert (sf.masks.decode(expected) == mask).all()


def test_pairs_are_compared_and_merged_as_by_pycocotools():
    rng = np.random.default_rng(1)
    for _ in range(300):
        height, width, *counts = rng.integers(1, 30, 4)
        sets = [
            coco.encode(np.asfortranarray((rng.random((height, width, count)) < rng.random()).astype(np.uint8)))
            for count in counts
        ]
        crowds = rng.integers(0, 2, counts[1]).tolist()
        assert (sf.masks.iou(*sets, crowds) == coco.iou(*sets, crowds)).all()
        boxes = [rng.integers(0, 20, (count, 4)).astype(float) + 0.25 for count in counts]
        assert (sf.masks.iou(*boxes, crowds) == coco.iou(*boxes, crowds)).all()
        for intersect in (False, True):
            assert sf.masks.merge(sets[0], intersect) == coco.merge(sets[0], intersect)
        assert (sf.masks.decode(sets[0]) == coco.decode(sets[0])).all()
        assert (sf.masks.area(sets[0]) == coco.area(sets[0])).all()


def test_polygons_boxes_and_lists_of_runs_become_the_masks_of_pycocotools():
    rng = np.random.default_rng(2)
    polygons = [(rng.random(2 * rng.integers(3, 9)) * 40).tolist() for _ in range(200)]
    assert sf.masks.frPyObjects(polygons, 30, 40) == coco.frPyObjects(polygons, 30, 40)
    assert sf.masks.frPyObjects(polygons[0], 30, 40) == coco.frPyObjects(polygons[:1], 30, 40)[0]
    boxes = [[2.0, 3.0, 10.5, 7.0], [0.0, 0.0, 40.0, 30.0]]
    # Lists of boxes are an error of some versions of pycocotools.
    assert sf.masks.frPyObjects(boxes, 30, 40) == coco.frPyObjects(np.array(boxes), 30, 40)
    runs = [{"size": [3, 4], "counts": [2, 6, 4]}]
    assert sf.masks.frPyObjects(runs, 3, 4) == coco.frPyObjects(runs, 3, 4)


def test_the_order_in_memory_does_not_matter():
    rng = np.random.default_rng(3)
    masks = rng.random((23, 31, 5)) < 0.3
    expected = coco.encode(np.asfortranarray(masks.astype(np.uint8)))
    moved = np.ascontiguousarray(np.moveaxis(masks, 2, 0))
    for same in (masks, np.asfortranarray(masks), np.moveaxis(moved, 0, 2), masks[::-1][::-1], masks * 7):
        assert sf.masks.encode(same) == expected
    assert sf.masks.decode(expected).flags.f_contiguous


def test_the_compatible_module_has_the_same_functions():
    assert compat.encode is sf.masks.encode
    assert set(compat.__all__) <= set(dir(coco))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sf.masks.decode({"size": [2, 3], "counts": [5, 2]}), "expected a sum of 6, found 7"),
        (lambda: sf.masks.area({"size": [2, 3], "counts": b"\xff"}), "found other bytes"),
        (lambda: sf.masks.area([{"size": [2, 3]}]), "size .height, width. and counts"),
        (lambda: sf.masks.area(["mask"]), "expected a dictionary"),
        (lambda: sf.masks.area({"size": [1 << 20, 1 << 20], "counts": "0"}), "at most"),
        (lambda: sf.masks.encode(np.zeros(3)), r"shape \(H, W\)"),
        (lambda: sf.masks.frPyObjects([[1, 2, 3, 4, 5]], 9, 9), "even number"),
        (lambda: sf.masks.iou([[1, 2, 3]], [[1, 2, 3, 4]], [0]), "x, y, width, height"),
        (lambda: sf.masks.iou([[1, 2, 3, 4]], [[1, 2, 3, 4]], []), "each of the 1 truths, found 0"),
        (
            lambda: sf.masks.merge([{"size": [1, 1], "counts": [1]}, {"size": [1, 2], "counts": [2]}]),
            "expected size",
        ),
    ],
)
def test_wrong_masks_are_named(call, words):
    with pytest.raises(sf.DataError, match=words):
        call()
