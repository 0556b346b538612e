"""NumPy arrays of what the compiled part returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def pixels(data: bytearray, height: int, width: int, count: int) -> NDArray[np.uint8]:
    """Masks, shape (H, W, N), in Fortran's order."""
    # No memory is no buffer to NumPy.
    flat = np.frombuffer(data, dtype=np.uint8) if data else np.zeros(0, dtype=np.uint8)
    return flat.reshape((height, width, count), order="F")


def doubles(data: bytearray, *shape: int) -> NDArray[np.float64]:
    """Numbers of this shape."""
    return np.frombuffer(data, dtype=np.float64).reshape(shape)


def rows(boxes: Sequence[Any]) -> NDArray[np.float64]:
    """Boxes, shape (N, 4); NaN for those that are absent."""
    absent = (np.nan,) * 4
    return np.array([box or absent for box in boxes], dtype=np.float64).reshape(-1, 4)
