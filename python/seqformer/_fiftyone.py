"""Videos as a dataset of FiftyOne."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from seqformer._core import DataError

if TYPE_CHECKING:
    from seqformer._video import Frame, Video

Path = Union[str, "os.PathLike[str]"]
Media = Union[Path, Mapping[str, Path]]


def to_dataset(videos: Iterable[Video], media: Media, name: str | None, field: str) -> Any:
    """Make a dataset whose samples are films, if `media` names one for each video, or the images in a folder.

    Raises
    ------
    ImportError
        Without FiftyOne.
    DataError
        A film or an image that is not there; no dataset is made then.
    """
    try:
        import fiftyone
    except ImportError as error:
        raise ImportError("to_fiftyone needs FiftyOne 1.5 or newer: pip install fiftyone") from error
    if isinstance(media, Mapping):
        films = [(video, _film(video, media)) for video in videos]
        samples = (_of_film(fiftyone, video, film, field) for video, film in films)
    else:
        folders = [(video, _images(video, media)) for video in videos]
        samples = (sample for video, files in folders for sample in _of_images(fiftyone, video, files, field))
    dataset = fiftyone.Dataset(name)
    dataset.add_samples(samples)
    return dataset


def _film(video: Video, media: Mapping[str, Path]) -> str:
    if video.name not in media:
        known = ", ".join(media) or "nothing"
        raise DataError(f"{video.name}: expected the file of this video in media, found {known}")
    return _existing(media[video.name], video)


def _images(video: Video, folder: Path) -> list[str]:
    if not video.file_names:
        raise DataError(f"{video.name}: expected the names of its images, found none: give {{name: file}} as media")
    return [_existing(os.path.join(folder, name), video) for name in video.file_names]


def _existing(path: Path, video: Video) -> str:
    if not os.path.isfile(path):
        raise DataError(f"{video.name}: expected the file {os.fspath(path)}, found nothing of this name: check media")
    return os.path.abspath(path)


def _of_film(fiftyone: Any, video: Video, film: str, field: str) -> Any:
    sample = fiftyone.Sample(filepath=film)
    instances = {track.id: fiftyone.Instance() for track in video.tracks}
    for frame in video:
        # FiftyOne counts frames from 1.
        found = _detections(fiftyone, frame, video, instances)
        sample.frames[frame.index + 1] = fiftyone.Frame(**{field: found})
    return sample


def _of_images(fiftyone: Any, video: Video, files: list[str], field: str) -> Iterator[Any]:
    instances = {track.id: fiftyone.Instance() for track in video.tracks}
    for frame, file in zip(video, files):
        found = _detections(fiftyone, frame, video, instances)
        yield fiftyone.Sample(filepath=file, video=video.name, frame_number=frame.index + 1, **{field: found})


def _detections(fiftyone: Any, frame: Frame, video: Video, instances: dict[int, Any]) -> Any:
    scores = [None] * len(frame) if frame.scores is None else frame.scores.tolist()
    detections = []
    for mask, box, track, label, score in zip(frame.masks, frame.boxes, frame.track_ids, frame.names, scores):
        left, top = np.maximum(np.floor(box[:2]), 0).astype(int).tolist()
        right, bottom = np.ceil(box[:2] + box[2:]).astype(int).tolist()
        x, width = _shares(left, right, video.width)
        y, height = _shares(top, bottom, video.height)
        inside = mask[top:bottom, left:right]
        detection = fiftyone.Detection(
            label=label,
            # Shares of the frame; the mask has the size of the box.
            bounding_box=[x, y, width, height],
            mask=inside.copy() if inside.any() else None,
            confidence=score,
            index=int(track),
            instance=instances[int(track)],
        )
        detections.append(detection)
    return fiftyone.Detections(detections=detections)


def _shares(start: int, end: int, size: int) -> tuple[float, float]:
    """The start and the length of a range of pixels as shares of a side.

    FiftyOne truncates products with the side, so that a share which is a rounding error too small would cut a pixel off.
    """
    first = start / size
    while int(size * first) < start:
        first = float(np.nextafter(first, 2))
    length = (end - start) / size
    while int(size * (first + length)) < end:
        length = float(np.nextafter(length, 2))
    return first, length
