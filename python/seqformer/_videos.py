"""Annotated videos, and results."""

from __future__ import annotations

import logging
import os
from collections import Counter
from typing import TYPE_CHECKING, Any, Iterator, Sequence, Union

import numpy as np

from seqformer import _core
from seqformer._files import as_file
from seqformer._video import Video, table

if TYPE_CHECKING:
    import fiftyone
    import pandas
    from numpy.typing import NDArray

    from seqformer._fiftyone import Media
    from seqformer.masks import RLE

Path = Union[str, "os.PathLike[str]"]

# What a kind of files is called beside the name of a video.
_ENDINGS = {
    "ytvis": ".ytvis.json",
    "coco": ".coco.json",
    "cocovid": ".cocovid.json",
    "csv": ".csv",
    "mask-video": ".masks.mp4",
    "png": ".masks",
}


class Videos(Sequence):
    """Videos of annotations or of results, with masks in compressed form."""

    def __init__(self, core: Any, has_scores: bool) -> None:
        self._core = core
        self.has_scores = has_scores
        self.class_names: dict[int, str] = dict(core.categories())

    @property
    def notes(self) -> list[str]:
        """What was left out or changed when the file was read."""
        return self._core.notes

    def __len__(self) -> int:
        return len(self._core)

    def __getitem__(self, index: int) -> Video:  # type: ignore[override]
        if index < 0:
            index += len(self)
        return Video(self, index)

    def __iter__(self) -> Iterator[Video]:
        return (Video(self, index) for index in range(len(self)))

    def video(self, name: str | int) -> Video:
        """Find a video by its name or id."""
        for video in self:
            if name in (video.name, video.id):
                return video
        raise KeyError(f"expected the name or id of one of the {len(self)} videos, found {name!r}")

    def to_pandas(self) -> pandas.DataFrame:
        """Make a table with a row for each object on each frame, with the columns of :meth:`Video.to_pandas`."""
        return table(self)

    def to_ytvis(self) -> Any:
        """Make the contents of a file of YouTube-VIS: a list of results, or a dictionary of annotations."""
        return self._entries(list(self))

    def to_fiftyone(self, media: Media, name: str | None = None) -> fiftyone.Dataset:
        """Make a dataset of FiftyOne (1.5 or newer) with the objects as instances.

        Parameters
        ----------
        media : path, or dict of str to path
            The folder of the images that the annotations name: samples are images with the fields ``video`` and
            ``frame_number``, and ``dataset.group_by("video", order_by="frame_number")`` shows them as videos. Or the
            file of each video by its name: samples are videos with frames.
        name : str, optional
            Name of the dataset in FiftyOne.

        Returns
        -------
        fiftyone.Dataset
            Detections are in the field ``ground_truth``, or ``predictions`` for results. Those of one object share
            their ``instance``, and ``index`` is the number of the track.
        """
        from seqformer._fiftyone import to_dataset

        return to_dataset(self, media, name, self._field)

    @property
    def _field(self) -> str:
        return "predictions" if self.has_scores else "ground_truth"

    def save(self, folder: Path, kinds: Sequence[str], *, overwrite: bool = False) -> list[str]:
        """Write files of other tools; parameters are those of :meth:`Video.save`."""
        return self._save(folder, kinds, overwrite, None)

    def _save(
        self, folder: Path, kinds: Sequence[str], overwrite: bool, video: Video | None
    ) -> list[str]:
        stem = "results" if video is None else video.name.strip("/").replace("/", "_")
        index = None if video is None else video._index
        asked = [kinds] if isinstance(kinds, str) else list(kinds)
        twice = [kind for kind, count in Counter(asked).items() if count > 1]
        unknown = [kind for kind in asked if kind not in _core.export_kinds()]
        if twice or unknown:
            expected = ", ".join(_core.export_kinds())
            found = f"{twice[0]!r} twice" if twice else repr(unknown[0])
            raise ValueError(f"kinds: expected each once of {expected}, found {found}")
        files = [
            (kind, os.path.join(folder, _file_name(kind, stem, video is None))) for kind in asked
        ]
        written, notes = self._core.write(files, index=index, overwrite=overwrite)
        for note in notes:
            logging.getLogger("seqformer").info("%s", note)
        return [os.fspath(path) for path in written]

    def _entries(self, videos: list[Video]) -> Any:
        raise NotImplementedError

    def _player_data(self, video: Video) -> tuple[dict[str, Any], list[dict[str, Any]] | None]:
        raise NotImplementedError

    def _file(self, videos: list[Video], annotations: list[dict[str, Any]]) -> dict[str, Any]:
        """Make the contents of a file of YouTube-VIS."""
        entries = [
            {
                "id": video.id,
                "height": video.height,
                "width": video.width,
                "length": len(video),
                "file_names": video.file_names or [f"{video.name}/{i:05}.jpg" for i in range(len(video))],
            }
            for video in videos
        ]
        categories = [{"id": id, "name": name} for id, name in self.class_names.items()]
        return {"videos": entries, "categories": categories, "annotations": annotations}


class Dataset(Videos):
    """Annotated videos."""

    def _entries(self, videos: list[Video]) -> dict[str, Any]:
        annotations: list[dict[str, Any]] = []
        for video in videos:
            for track in video.tracks:
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "video_id": video.id,
                        "category_id": track.class_id,
                        "iscrowd": int(track.is_crowd),
                        "segmentations": [_text(rle) for rle in track.rles],
                        "bboxes": [_box(row) for row in track.boxes],
                        "areas": [int(area) or None for area in track.areas],
                    }
                )
        return self._file(videos, annotations)

    def _player_data(self, video: Video) -> tuple[dict[str, Any], list[dict[str, Any]] | None]:
        return self._entries([video]), None

    def __repr__(self) -> str:
        return f"<seqformer.Dataset of {len(self)} videos and {len(self.class_names)} classes>"


class Results(Videos):
    """Objects that were found in videos."""

    def _entries(self, videos: list[Video]) -> list[dict[str, Any]]:
        return [
            {
                "video_id": video.id,
                "score": track.score,
                "category_id": track.class_id,
                "segmentations": [_text(rle) for rle in track.rles],
            }
            for video in videos
            for track in video.tracks
        ]

    def _player_data(self, video: Video) -> tuple[dict[str, Any], list[dict[str, Any]] | None]:
        return self._file([video], []), self._entries([video])

    def __repr__(self) -> str:
        return f"<seqformer.Results of {len(self)} videos>"


def load_annotations(
    input: Path | dict[str, Any],
    *,
    from_format: str | None = None,
    images: Path | None = None,
    size: tuple[int, int] | None = None,
) -> Dataset:
    """Read annotations of any format.

    Masks stay compressed; a video's are expanded to run lengths when they are used, and a frame's to
    pixels when the frame is.

    Parameters
    ----------
    input : path, or dict in the form of YouTube-VIS
        A file, a folder, or a zip archive of either.
    from_format, images, size
        As in :func:`seqformer.convert`.

    Returns
    -------
    Dataset

    Examples
    --------
    >>> for video in sf.load_annotations("train.json"):
    ...     for frame in video:
    ...         print(video.name, frame.index, frame.names, frame.masks.sum((1, 2)))
    """
    with as_file(input, "annotations") as file:
        core = _core.read_dataset(file, from_format=from_format, images=images, size=size)
    return Dataset(core, has_scores=False)


def load_results(
    results: Path | list[dict[str, Any]],
    *,
    gt: Path | None = None,
    images: Path | None = None,
    videos: Sequence[Path] | None = None,
    min_score: float | None = None,
    max_tracks: int | None = None,
) -> Results:
    """Read results in the form of the evaluation servers, or a folder of ``seqformer predict``.

    Parameters
    ----------
    results : path or list of dict
    gt : path, optional
        Annotations that list the videos and classes.
    images : path, optional
        The folder of the images that the annotations name.
    videos : sequence of paths, optional
        The videos in the order of their numbers, from 1 on.
    min_score : float, optional
        Only objects whose score exceeds this.
    max_tracks : int, optional
        At most this many of a video, best first.

    Returns
    -------
    Results
    """
    with as_file(results, "results") as file:
        core = _core.read_results(
            file,
            annotations=gt,
            images=images,
            videos=None if videos is None else list(videos),
            min_score=min_score,
            max_tracks=max_tracks,
        )
    return Results(core, has_scores=True)


def _file_name(kind: str, stem: str, is_whole: bool) -> str:
    # Several videos make a folder of films.
    ending = ".mask-video" if kind == "mask-video" and is_whole else _ENDINGS.get(kind, f".{kind}")
    return stem + ending


def _text(rle: RLE | None) -> dict[str, Any] | None:
    """Run lengths with text instead of bytes, for JSON."""
    return None if rle is None else {"size": rle["size"], "counts": rle["counts"].decode("ascii")}


def _box(row: NDArray[np.float64]) -> list[float] | None:
    return None if np.isnan(row[0]) else row.tolist()
