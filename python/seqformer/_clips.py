"""Training clips for trainings in Python."""

from __future__ import annotations

import os
from typing import Any, Sequence

import numpy as np

from seqformer import _core
from seqformer._config import config_pairs


class ClipDataset:
    """The clips that a training draws, read and augmented by its code: a dataset for ``torch.utils.data.DataLoader``.

    A clip is drawn anew in every epoch (:meth:`set_epoch`), and is the same for the same seed, epoch and item, in whatever
    process it is read. Torch is not needed, except for :meth:`collate`.

    Parameters
    ----------
    config : path
        A file of settings, such as ``configs/ytvis_2019/r50.yaml``: of ``DATASETS`` and ``INPUT``, with the frames of a clip,
        sizes, flips and crops.
    seed : int
        Of the random draws.
    **overrides
        Keys of the configuration with ``__`` for the dot: ``INPUT__SAMPLING_FRAME_NUM=5``.

    Attributes
    ----------
    class_names : list of str
        Names of the classes, by label.
    class_ids : list of int
        Their ids in the annotations of the first dataset.
    notes : list of str
        What was left out or changed when the annotations were read.

    Raises
    ------
    ConfigError, DataError
        If something cannot be used.

    Examples
    --------
    >>> clips = sf.ClipDataset("config.yaml", INPUT__SAMPLING_FRAME_NUM=5)
    >>> loader = DataLoader(clips, batch_size=2, shuffle=True, num_workers=4, collate_fn=clips.collate)
    >>> for epoch in range(10):
    ...     clips.set_epoch(epoch)
    ...     for batch in loader:
    ...         loss = sum(model(clip["frames"], clip["masks"]) for clip in batch)
    """

    def __init__(self, config: str | os.PathLike[str], *, seed: int = 0, **overrides: Any) -> None:
        self._arguments = (os.fspath(config), seed, overrides)
        self._clips = _core.TrainingClips(os.fspath(config), config_pairs(overrides))
        self._seed = seed
        self._epoch = 0
        self.class_names = self._clips.class_names
        self.class_ids = self._clips.class_ids
        self.notes = self._clips.notes

    def set_epoch(self, epoch: int) -> None:
        """Draw other clips from now on. Workers of a loader see it when they are started, at the beginning of an epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        """The number of videos and images."""
        return len(self._clips)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """A clip of a video, or of views of an image.

        Returns
        -------
        dict
            ``frames``, uint8 of shape (T, 3, H, W), red, green and blue; of the I objects ``masks``, bool of shape
            (I, T, H, W); ``boxes``, float32 of shape (I, T, 4), the edges left, top, right and bottom in pixels, zeros where
            an object is not seen; ``visible``, bool of shape (I, T); ``labels`` and ``track_ids``, int64 of shape (I,). Also
            ``video_id``, ``frame_indices`` (int64 of shape (T,)), and ``complete_classes``, the labels of which every object
            is annotated, or None for all.
        """
        clip = self._clips.load(index, self._epoch, self._seed)
        height, width = clip.pop("size")
        num_frames, num_objects = len(clip["frame_indices"]), len(clip["labels"])
        frames = np.frombuffer(clip["frames"], dtype=np.uint8).reshape(num_frames, height, width, 3)
        clip["frames"] = np.ascontiguousarray(frames.transpose(0, 3, 1, 2))
        masks = np.frombuffer(clip["masks"], dtype=np.bool_) if num_objects else np.zeros(0, dtype=np.bool_)
        clip["masks"] = masks.reshape(num_objects, num_frames, height, width)
        clip["boxes"] = np.array(clip["boxes"], dtype=np.float32).reshape(num_objects, num_frames, 4)
        clip["visible"] = np.array(clip["visible"], dtype=np.bool_).reshape(num_objects, num_frames)
        for name in ("labels", "track_ids", "frame_indices"):
            clip[name] = np.array(clip[name], dtype=np.int64)
        return clip

    @staticmethod
    def collate(clips: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Make tensors of arrays. Clips of a batch stay a list, because their sizes differ."""
        import torch

        def tensor(value: Any) -> Any:
            return torch.from_numpy(value) if isinstance(value, np.ndarray) else value

        return [{name: tensor(value) for name, value in clip.items()} for clip in clips]

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened, (*self._arguments, self._epoch)

    def __repr__(self) -> str:
        return f"<seqformer.ClipDataset of {len(self)} items and {len(self.class_names)} classes>"


def _opened(config: str, seed: int, overrides: dict[str, Any], epoch: int) -> ClipDataset:
    clips = ClipDataset(config, seed=seed, **overrides)
    clips.set_epoch(epoch)
    return clips
