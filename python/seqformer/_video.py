"""A video with its objects, frame by frame."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Iterator, Sequence, Union

import numpy as np

from seqformer._arrays import pixels, rows

if TYPE_CHECKING:
    import fiftyone
    import pandas
    import supervision
    from numpy.typing import NDArray

    from seqformer._videos import Videos
    from seqformer.masks import RLE

Path = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True, eq=False, repr=False)
class Frame:
    """The objects on one frame; those that are absent are left out.

    Attributes
    ----------
    index : int
        The place of the frame in its video, from 0.
    file_name : str or None
        The image file, if the annotations name it.
    masks : ndarray of bool, shape (I, H, W)
        Without pixels for an object that has a box alone.
    boxes : ndarray of float64, shape (I, 4)
        x, y, width and height in pixels.
    track_ids : ndarray of int64, shape (I,)
    class_ids : ndarray of int64, shape (I,)
    names : list of str
        The class of each object.
    scores : ndarray of float64, shape (I,), or None
        From 0 to 1; None for annotations.
    """

    index: int
    file_name: str | None
    masks: NDArray[np.bool_]
    boxes: NDArray[np.float64]
    track_ids: NDArray[np.int64]
    class_ids: NDArray[np.int64]
    names: list[str]
    scores: NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"<seqformer.Frame {self.index} with {len(self)} objects>"

    def to_supervision(self) -> supervision.Detections:
        """Make ``supervision.Detections`` with masks, boxes, classes, scores and tracker ids."""
        import supervision

        corners = self.boxes.copy()
        corners[:, 2:] += corners[:, :2]
        return supervision.Detections(
            xyxy=corners,
            mask=self.masks,
            confidence=self.scores,
            class_id=self.class_ids,
            tracker_id=self.track_ids,
            data={"class_name": np.array(self.names, dtype=object).astype(str)},
        )


class Track:
    """An object over the frames of its video.

    Attributes
    ----------
    id : int
        Its number within the video.
    class_id : int
    name : str
        Its class.
    score : float or None
        From 0 to 1; None for annotations.
    is_crowd, is_ignored : bool
        Whether it stands for a group of objects, or for a region that does not count.
    """

    def __init__(self, video: Video, index: int) -> None:
        self._video = video
        self._index = index
        described = video._described["tracks"][index]
        self.id, self.class_id, self.score, self.is_crowd, self.is_ignored = described

    @property
    def name(self) -> str:
        """Its class."""
        return self._video._names.get(self.class_id, f"class {self.class_id}")

    @property
    def rles(self) -> list[RLE | None]:
        """The mask of each frame in run lengths; None where there is none."""
        return self._video._loaded.track_masks(self._index)

    @property
    def boxes(self) -> NDArray[np.float64]:
        """The box of each frame, shape (T, 4): x, y, width and height in pixels; NaN where it is absent."""
        return rows(self._video._loaded.track_boxes(self._index))

    @property
    def areas(self) -> NDArray[np.int64]:
        """The number of pixels in each frame, shape (T,)."""
        return np.array(self._video._loaded.track_areas(self._index), dtype=np.int64)

    def mask(self, frame: int) -> NDArray[np.bool_] | None:
        """Decode the mask of one frame, shape (H, W); None where there is none."""
        from seqformer import masks

        rle = self.rles[frame]
        return None if rle is None else masks.decode(rle).view(np.bool_)

    def __repr__(self) -> str:
        score = "" if self.score is None else f", score {self.score:.3f}"
        return f"<seqformer.Track {self.id}: {self.name}{score}>"


class Video:
    """A video with its objects. Masks are read when they are first used, and decoded frame by frame.

    Iteration gives a :class:`Frame` for each frame.

    Attributes
    ----------
    id : int
    name : str
    height, width : int
        In pixels.
    """

    def __init__(self, videos: Videos, index: int) -> None:
        self._videos = videos
        self._index = index
        self._described: dict[str, Any] = videos._core.describe(index)
        self._names = videos.class_names
        self.id: int = self._described["id"]
        self.name: str = self._described["name"]
        self.height: int = self._described["height"]
        self.width: int = self._described["width"]
        self.file_names: list[str] | None = self._described["file_names"]

    @cached_property
    def _loaded(self) -> Any:
        return self._videos._core.load(self._index)

    @cached_property
    def tracks(self) -> list[Track]:
        """The objects."""
        return [Track(self, index) for index in range(len(self._described["tracks"]))]

    def __len__(self) -> int:
        return self._described["length"]

    def __getitem__(self, index: int) -> Frame:
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(f"{self.name}: expected a frame of 0 to {len(self) - 1}, found {index}")
        drawn = pixels(self._loaded.frame_masks(index), self.height, self.width, len(self.tracks))
        masks = np.moveaxis(drawn.view(np.bool_), 2, 0)
        boxes = rows(self._loaded.frame_boxes(index))
        seen = np.flatnonzero(~np.isnan(boxes[:, 0]))
        tracks = [self.tracks[place] for place in seen]
        scores = [track.score for track in tracks]
        has_scores = self._videos.has_scores
        return Frame(
            index=index,
            file_name=self.file_names[index] if self.file_names else None,
            masks=masks[seen],
            boxes=boxes[seen],
            track_ids=np.array([track.id for track in tracks], dtype=np.int64),
            class_ids=np.array([track.class_id for track in tracks], dtype=np.int64),
            names=[track.name for track in tracks],
            scores=np.array(scores, dtype=np.float64) if has_scores else None,
        )

    def __iter__(self) -> Iterator[Frame]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return (
            f"<seqformer.Video {self.id} ({self.name}): {len(self)} frames of "
            f"{self.height}x{self.width} with {len(self.tracks)} objects>"
        )

    def to_ytvis(self) -> Any:
        """Make entries of YouTube-VIS: results if the objects have scores, otherwise annotations."""
        return self._videos._entries([self])

    def _repr_html_(self) -> str:
        """Show the video in a notebook, with the player of reports."""
        from seqformer._player import player

        return player(*self._videos._player_data(self))

    def to_pandas(self) -> pandas.DataFrame:
        """Make a table with a row for each object on each frame.

        Columns are ``video_id``, ``video``, ``frame``, ``track_id``, ``class_id``, ``class``, ``score``,
        ``x``, ``y``, ``width``, ``height`` and ``area`` (pixels).
        """
        return table([self])

    def to_supervision(self) -> Iterator[supervision.Detections]:
        """Give ``supervision.Detections`` for one frame after the other."""
        return (frame.to_supervision() for frame in self)

    def to_fiftyone(self, media: Path, name: str | None = None) -> fiftyone.Dataset:
        """Make a dataset of FiftyOne with this video.

        Parameters
        ----------
        media : path
            The file of the video, or the folder of the images that ``file_names`` name.
        name : str, optional
            Name of the dataset in FiftyOne.

        Returns
        -------
        fiftyone.Dataset
            As :meth:`Dataset.to_fiftyone` makes it.
        """
        from seqformer._fiftyone import to_dataset

        is_film = os.path.isfile(media)
        return to_dataset([self], {self.name: media} if is_film else media, name, self._videos._field)

    def save(self, folder: Path, kinds: Sequence[str], *, overwrite: bool = False) -> list[str]:
        """Write files of other tools.

        Parameters
        ----------
        folder : path
            Where files are written, with the name of the video.
        kinds : sequence of str
            Any of ``seqformer._core.export_kinds()``: ``ytvis``, ``png``, ``mots``, ``coco``, ``cocovid``,
            ``cvat``, ``labelme``, ``csv``, ``cutout``, ``cutout-video`` and ``mask-video``. Cut-outs need
            results that were loaded with their frames.
        overwrite : bool
            Whether files of these names may be replaced.

        Returns
        -------
        list of str
            The files and folders that were written.
        """
        return self._videos._save(folder, kinds, overwrite, self)


def table(videos: Any) -> pandas.DataFrame:
    import pandas

    parts = []
    for video in videos:
        for track in video.tracks:
            boxes = track.boxes
            seen = np.flatnonzero(~np.isnan(boxes[:, 0]))
            columns = {
                "video_id": video.id,
                "video": video.name,
                "frame": seen,
                "track_id": track.id,
                "class_id": track.class_id,
                "class": track.name,
                "score": np.nan if track.score is None else track.score,
            }
            columns |= dict(zip(("x", "y", "width", "height"), boxes[seen].T))
            columns["area"] = track.areas[seen]
            parts.append(pandas.DataFrame(columns))
    if not parts:
        names = "video_id video frame track_id class_id class score x y width height area"
        return pandas.DataFrame(columns=names.split())
    return pandas.concat(parts, ignore_index=True)
