"""The frames of a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seqformer._video import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqformer._predictor import Predictor


@dataclass(frozen=True, eq=False, repr=False)
class StreamedFrame(Frame):
    """The objects on one frame of a stream: a :class:`seqformer.Frame` with two more attributes.

    ``file_name`` is None, and ``scores`` are the probabilities of the best classes so far; later frames may change both.

    Attributes
    ----------
    labels : ndarray of int64, shape (I,)
        The classes in the order of ``Predictor.class_names``, from 0.
    image : ndarray of uint8, shape (H, W, 3), or None
        The frame as it was given; None if the stream reads a file or a folder.
    """

    labels: NDArray[np.int64]
    image: NDArray[np.uint8] | None

    @classmethod
    def _of(cls, found: Any, predictor: Predictor, image: NDArray[np.uint8] | None) -> StreamedFrame:
        labels = found.labels
        return cls(
            index=found.index,
            file_name=None,
            masks=np.frombuffer(found.masks(), dtype=np.bool_).reshape(len(labels), *found.size),
            boxes=np.array(found.boxes, dtype=np.float64).reshape(len(labels), 4),
            track_ids=np.array(found.track_ids, dtype=np.int64),
            class_ids=np.array([predictor.class_ids[label] for label in labels], dtype=np.int64),
            names=[predictor.class_names[label] for label in labels],
            scores=np.array(found.scores, dtype=np.float64),
            labels=np.array(labels, dtype=np.int64),
            image=image,
        )


class Stream(Iterator[StreamedFrame]):
    """The frames of a stream, made by :meth:`Predictor.stream`. Also a context manager, which closes it."""

    def __init__(self, stream: Any, predictor: Predictor, images: deque[NDArray[np.uint8]] | None) -> None:
        self._stream = stream
        self._predictor = predictor
        self._images = images

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> StreamedFrame:
        found = next(self._stream)
        image = None if self._images is None else self._images.popleft()
        return StreamedFrame._of(found, self._predictor, image)

    def close(self) -> None:
        """End the prediction before the video has ended."""
        self._stream.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
