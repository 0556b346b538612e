"""Predictions on videos, as a whole or frame by frame."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from seqformer import _core
from seqformer._config import config_pairs
from seqformer._files import as_file
from seqformer._frames import frames_of
from seqformer._load_engine import engine
from seqformer._stream import Stream
from seqformer._video import Video
from seqformer._videos import Results

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Predictor:
    """A network with weights, which finds and follows the objects of videos.

    It computes on a thread of its own, and threads of Python that share it take turns.

    Parameters
    ----------
    weights : path or str
        A file of weights, the name of a model in the cache, or an address (``hf://...``, ``https://...``), which is
        downloaded once.
    device : {'auto', 'cpu', 'cuda', 'cuda:1', ...}
        Where the network runs; 'auto' is the device of the configuration, or else a GPU if there is one.
    precision : {'auto', 'f32', 'tf32', 'bf16'}
        'auto' is bf16 on devices with instructions for it, and f32 elsewhere. 'f32' gives the numbers of the reference, and is
        what the command uses by default.
    config : path, optional
        Settings of the network; by default those that follow from the weights.
    classes : path or str, optional
        Names of the classes: a file, or the name of a dataset such as ``ytvis_2021``.
    max_tracks : int
        At most this many objects of a video, or of a clip, best first.
    score_threshold : float, optional
        Leave out results below this score.
    clip_length, clip_stride : int, optional
        Split videos into overlapping clips of this many frames.
    threads : int, optional
        Threads that compute; by default ``OMP_NUM_THREADS``, or one per core.
    **overrides
        Keys of the configuration with ``__`` for the dot: ``INPUT__MIN_SIZE_TEST=480``.

    Attributes
    ----------
    class_names : list of str
        Names of the classes, by label.
    class_ids : list of int
        Their ids in results.
    device, precision : str
        What was chosen.

    Raises
    ------
    ImportError
        If torch is missing or of a version that this build cannot use.
    ConfigError, CheckpointError, DataError, DeviceError
        If something cannot be used.

    Examples
    --------
    >>> predictor = Predictor("models/synth_small/model.safetensors")
    >>> video = predictor("street.mp4")
    >>> for frame in predictor.stream(camera(), clip_length=5):
    ...     print(frame.index, frame.track_ids, frame.names, frame.masks.shape)
    """

    def __init__(
        self,
        weights: str | os.PathLike[str],
        device: str = "auto",
        precision: str = "auto",
        config: str | os.PathLike[str] | None = None,
        *,
        classes: str | os.PathLike[str] | None = None,
        max_tracks: int = 10,
        score_threshold: float | None = None,
        clip_length: int | None = None,
        clip_stride: int | None = None,
        threads: int | None = None,
        **overrides: Any,
    ) -> None:
        self._network = engine().Predictor(
            os.fspath(weights),
            device=device,
            precision=precision,
            config=None if config is None else os.fspath(config),
            pairs=config_pairs(overrides),
            classes=None if classes is None else os.fspath(classes),
            max_tracks=max_tracks,
            score_threshold=score_threshold,
            clip_length=clip_length,
            clip_stride=clip_stride,
            threads=threads,
            ffmpeg=_ffmpeg(),
        )
        self._weights = os.fspath(weights)
        self.class_names: list[str] = self._network.class_names
        self.class_ids: list[int] = self._network.class_ids
        self.device: str = self._network.device
        self.precision: str = self._network.precision

    @classmethod
    def from_pretrained(cls, model: str, **settings: Any) -> Predictor:
        """The predictor of a published model: ``org/name`` of the Hub, or any address; see :class:`Predictor`."""
        is_of_hub = model.count("/") == 1 and ":" not in model and not os.path.exists(model)
        return cls(f"hf://{model}" if is_of_hub else model, **settings)

    def __call__(self, video: Any, *, name: str | None = None) -> Video:
        """Find the objects of a video.

        Parameters
        ----------
        video
            A path: a video file, a folder of images in the order of their numbers, or an animation. Or the frames: a list or
            iterator of arrays of shape (H, W, 3) or (3, H, W), or one array or tensor of shape (T, H, W, 3) or (T, 3, H, W);
            bytes, red, green and blue. Tensors of PyTorch and of others that know DLPack are read where they are; those on a
            GPU are copied frame by frame.
        name : str, optional
            Name of the video; by default that of the file or folder.

        Returns
        -------
        seqformer.Video
            The video with its objects, each with its best class; ``to_ytvis()`` gives the results as ``seqformer predict``
            writes them, where an object may have several classes.

        Raises
        ------
        DataError
            If a frame cannot be read, or frames differ in size.
        """
        source = frames_of(video)
        found = self._network.predict(source if isinstance(source, str) else map(_raw, source))
        return self._video(found, name or found.name or "video")

    def _video(self, found: Any, name: str) -> Video:
        files = found.image_names or [f"{index:05}.jpg" for index in range(found.num_frames)]
        entry = {
            "id": 1,
            "height": found.height,
            "width": found.width,
            "length": found.num_frames,
            "file_names": [f"{name}/{file}" for file in files],
        }
        categories = [
            {"id": id, "name": class_name} for id, class_name in zip(self.class_ids, self.class_names)
        ]
        annotations = {"videos": [entry], "categories": categories, "annotations": []}
        results = json.loads(found.results_json(1))
        with as_file(annotations, "annotations") as known, as_file(results, "results") as file:
            core = _core.read_results(
                file, annotations=known, images=None, videos=None, min_score=None, max_tracks=None
            )
        return _Prediction(core, results)[0]

    def stream(
        self,
        video: Any,
        *,
        clip_length: int | None = None,
        clip_stride: int | None = None,
        score_threshold: float = 0.0,
    ) -> Stream:
        """Follow objects through a video of any length, frame by frame.

        Frames come back as soon as their masks are final, about a clip later than they went in. Nothing is kept of frames that
        were handed back. The iterator of frames is asked on the thread that asks for results.

        While a stream is open, the predictor does nothing else: use it up or close it, or make another predictor.

        Parameters
        ----------
        video
            As in :meth:`__call__`.
        clip_length, clip_stride : int, optional
            Frames of a clip, and from one clip to the next; by default those of the configuration.
        score_threshold : float
            Leave out objects below this score.

        Returns
        -------
        Stream
            An iterator of :class:`StreamedFrame`.
        """
        source = frames_of(video)
        images: deque[NDArray[np.uint8]] | None = None
        if not isinstance(source, str):
            images = deque()
            source = _noted(source, images)
        stream = self._network.stream(
            source, clip_length=clip_length, clip_stride=clip_stride, score_threshold=score_threshold
        )
        return Stream(stream, self, images)

    def __repr__(self) -> str:
        return (
            f"Predictor({self._weights!r}, {len(self.class_names)} classes, device={self.device!r}, "
            f"precision={self.precision!r})"
        )


class _Prediction(Results):
    """The objects of one video, each with its best class, and the results that the network gave."""

    def __init__(self, core: Any, results: list[dict[str, Any]]) -> None:
        super().__init__(core, has_scores=True)
        self._results = results

    def _entries(self, videos: list[Video]) -> list[dict[str, Any]]:
        # An object may be a result of several classes.
        return list(self._results)

    def _player_data(self, video: Video) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        return self._file([video], []), super()._entries([video])


def _raw(frame: NDArray[np.uint8]) -> tuple[int, int, bytes]:
    """A frame as the compiled module takes it."""
    return frame.shape[0], frame.shape[1], frame.tobytes()


def _noted(
    frames: Iterator[NDArray[np.uint8]], images: deque[NDArray[np.uint8]]
) -> Iterator[tuple[int, int, bytes]]:
    for frame in frames:
        images.append(frame)
        yield _raw(frame)


def _ffmpeg() -> str | None:
    """The ffmpeg of the package imageio-ffmpeg, if it is installed and no other one is named."""
    if os.environ.get("SEQFORMER_FFMPEG"):
        return None
    try:
        import imageio_ffmpeg
    except ImportError:
        return None
    return imageio_ffmpeg.get_ffmpeg_exe()
