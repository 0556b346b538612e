"""What users give as a video, in one form: a path, or an iterator of arrays of bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from seqformer._core import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def frames_of(video: Any) -> str | Iterator[NDArray[np.uint8]]:
    """A path as it is; everything else as arrays ``[H, W, 3]``, made one by one when they are asked for.

    Raises
    ------
    DataError
        If it is none of what :class:`seqformer.Predictor` takes.
    """
    if isinstance(video, (str, os.PathLike)):
        return os.fspath(video)
    if isinstance(video, np.ndarray) or hasattr(video, "__dlpack__"):
        return _of_tensor(video)
    try:
        frames = iter(video)
    except TypeError:
        raise DataError(
            "a video: expected a path, a list or iterator of frames, an array or a tensor, found "
            f"{type(video).__name__}"
        ) from None
    return (_frame(frame, f"frame {index}") for index, frame in enumerate(frames))


def _of_tensor(video: Any) -> Iterator[NDArray[np.uint8]]:
    if len(video.shape) != 4:
        raise DataError(
            "a video: expected a tensor of shape [frames, height, width, 3] or [frames, 3, height, width], found "
            f"{list(video.shape)}"
        )
    return (_frame(video[index], f"frame {index}") for index in range(video.shape[0]))


def _frame(frame: Any, name: str) -> NDArray[np.uint8]:
    array = frame
    if not isinstance(frame, np.ndarray):
        if not hasattr(frame, "__dlpack__"):
            # Pillow's images, among others.
            array = np.asarray(frame)
        elif frame.__dlpack_device__()[0] == 1:
            array = np.from_dlpack(frame)
        elif hasattr(frame, "cpu"):
            array = np.from_dlpack(frame.cpu())
        else:
            raise DataError(f"{name}: expected an array in the memory of the CPU, found one on another device")
    if array.dtype != np.uint8:
        raise DataError(
            f"{name}: expected bytes (uint8, 0 to 255), found {array.dtype}; numbers from 0 to 1 become bytes by "
            "(255 * x).round() and a conversion"
        )
    if array.ndim == 3 and array.shape[0] == 3 and array.shape[2] != 3:
        array = array.transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[2] != 3:
        raise DataError(
            f"{name}: expected red, green and blue in the shape [height, width, 3] or [3, height, width], found "
            f"{list(array.shape)}"
        )
    return array
