"""Masks as run lengths, with the functions and the forms of ``pycocotools.mask``.

A mask in run lengths (RLE) is a dictionary ``{"size": [height, width], "counts": bytes}``, the same as
pycocotools makes and reads. Boxes are x, y, width and height in pixels.

Unlike pycocotools, run lengths that do not fit their size raise :class:`seqformer.DataError`, arrays may
have any order in memory and may be boolean, and the lock of the interpreter is released while masks are
encoded, decoded, merged and compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence, TypedDict, Union, overload

import numpy as np

from seqformer import _arrays, _core
from seqformer._core import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["RLE", "area", "decode", "encode", "frPyObjects", "iou", "merge", "toBbox"]


class RLE(TypedDict):
    """A mask in run lengths: column by column, clear pixels first."""

    size: list[int]
    counts: Union[bytes, str, list[int]]


def encode(bimask: ArrayLike) -> Any:
    """Encode masks.

    Parameters
    ----------
    bimask : array_like of bool or integers, shape (H, W) or (H, W, N)
        Pixels that are not 0 are set. Arrays of ``uint8`` or ``bool`` in Fortran's order are the fastest.

    Returns
    -------
    RLE or list of RLE
        One mask for ``(H, W)``, a list of N masks for ``(H, W, N)``.
    """
    pixels = np.asarray(bimask)
    if pixels.ndim not in (2, 3):
        raise DataError(f"masks: expected shape (H, W) or (H, W, N), found {pixels.shape}")
    if pixels.dtype == np.bool_:
        pixels = pixels.view(np.uint8)
    elif pixels.dtype != np.uint8:
        pixels = (pixels != 0).view(np.uint8)
    height, width, *count = pixels.shape
    encoded = _core.encode_masks(pixels.tobytes(order="F"), height, width, *(count or [1]))
    return encoded if count else encoded[0]


@overload
def decode(rleObjs: RLE) -> NDArray[np.uint8]: ...
@overload
def decode(rleObjs: Sequence[RLE]) -> NDArray[np.uint8]: ...
def decode(rleObjs):
    """Decode masks of one size.

    Parameters
    ----------
    rleObjs : RLE or list of RLE

    Returns
    -------
    ndarray of uint8, shape (H, W) or (H, W, N)
        1 where a mask is set, in Fortran's order.
    """
    if isinstance(rleObjs, dict):
        return decode([rleObjs])[:, :, 0]
    decoded, (height, width) = _core.decode_masks(list(rleObjs))
    return _arrays.pixels(decoded, height, width, len(rleObjs))


def area(rleObjs: Union[RLE, Sequence[RLE]]) -> Any:
    """Count the pixels of masks.

    Parameters
    ----------
    rleObjs : RLE or list of RLE

    Returns
    -------
    uint32 or ndarray of uint32, shape (N,)
    """
    if isinstance(rleObjs, dict):
        return area([rleObjs])[0]
    return np.array(_core.mask_areas(list(rleObjs)), dtype=np.uint32)


def toBbox(rleObjs: Union[RLE, Sequence[RLE]]) -> NDArray[np.float64]:
    """Compute the tight boxes around masks.

    Parameters
    ----------
    rleObjs : RLE or list of RLE

    Returns
    -------
    ndarray of float64, shape (4,) or (N, 4)
        x, y, width and height in pixels; zeros for an empty mask.
    """
    if isinstance(rleObjs, dict):
        return toBbox([rleObjs])[0]
    return _arrays.rows(_core.mask_boxes(list(rleObjs)))


def merge(rleObjs: Sequence[RLE], intersect: Any = False) -> RLE:
    """Combine masks of one size.

    Parameters
    ----------
    rleObjs : list of RLE
    intersect : bool, default False
        Whether pixels have to be set in all masks, instead of in any.

    Returns
    -------
    RLE
    """
    return _core.merge_masks(list(rleObjs), bool(intersect))


def iou(dt: Any, gt: Any, pyiscrowd: Sequence[Any]) -> Any:
    """Compute the IoU of each detection with each truth.

    Parameters
    ----------
    dt, gt : lists of RLE, or boxes of shape (D, 4) and (G, 4)
        Boxes are x, y, width and height in pixels. Masks of different sizes have IoU 0.
    pyiscrowd : sequence of bool, length G
        For a truth that is a crowd, the union is the area of the detection.

    Returns
    -------
    ndarray of float64, shape (D, G)
        As in pycocotools, an empty list if there is no detection or no truth.
    """
    if len(dt) == 0 or len(gt) == 0:
        return []
    crowds = [bool(flag) for flag in pyiscrowd]
    kinds = {_are_masks("dt", dt), _are_masks("gt", gt)}
    if kinds == {True}:
        return _arrays.doubles(_core.mask_iou(list(dt), list(gt), crowds), len(dt), len(gt))
    if kinds == {False}:
        detections, truths = _boxes("dt", dt), _boxes("gt", gt)
        ious = _core.box_iou(detections, truths, crowds)
        return _arrays.doubles(ious, len(detections), len(truths))
    raise DataError("dt and gt: expected both to be run lengths or both to be boxes, found one of each")


def frPyObjects(pyobj: Any, h: int, w: int) -> Any:
    """Make masks of polygons, boxes or uncompressed run lengths.

    Parameters
    ----------
    pyobj : list of polygons, boxes (N, 4), list of RLE, or one of each
        A polygon is a list x, y, x, y, … in pixels; the counts of run lengths may be lists of numbers.
    h, w : int
        Size of the frame in pixels, for polygons and boxes.

    Returns
    -------
    RLE or list of RLE
    """
    if isinstance(pyobj, np.ndarray):
        return _core.masks_from_boxes(_boxes("boxes", pyobj), h, w)
    if isinstance(pyobj, dict):
        return _core.masks_from_runs([pyobj])[0]
    if not isinstance(pyobj, (list, tuple)) or len(pyobj) == 0:
        raise DataError(
            f"masks: expected polygons, boxes or run lengths, found {type(pyobj).__name__} {pyobj!r}"
        )
    first = pyobj[0]
    if isinstance(first, dict):
        return _core.masks_from_runs(list(pyobj))
    if isinstance(first, (list, tuple, np.ndarray)):
        if len(first) == 4:
            return _core.masks_from_boxes(_boxes("boxes", pyobj), h, w)
        return _core.masks_from_polygons([list(polygon) for polygon in pyobj], h, w)
    return frPyObjects([pyobj], h, w)[0]


def _are_masks(name: str, objects: Any) -> bool:
    """Tell run lengths from boxes."""
    if isinstance(objects, np.ndarray):
        return False
    if all(isinstance(one, dict) for one in objects):
        return True
    if any(isinstance(one, dict) for one in objects):
        raise DataError(f"{name}: expected run lengths or boxes, found both")
    return False


def _boxes(name: str, boxes: Any) -> list[list[float]]:
    """Make rows of four numbers."""
    rows = np.asarray(boxes, dtype=np.float64)
    if rows.ndim == 1 and rows.size == 4:
        rows = rows[np.newaxis]
    if rows.ndim != 2 or rows.shape[1] != 4:
        raise DataError(
            f"{name}: expected rows of x, y, width, height, found an array of shape {rows.shape}"
        )
    return rows.tolist()
