"""Conversion, checks and statistics of annotations."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Union

from seqformer import _core

Path = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class Conversion:
    """What was converted.

    Attributes
    ----------
    output : str
        The file or folder that was written.
    from_format : str
        The format that was read.
    was_guessed : bool
        Whether the format was guessed.
    num_videos, num_frames, num_tracks : int
        How much it holds.
    notes : list of str
        What the format cannot hold, or was changed.
    """

    output: str
    from_format: str
    was_guessed: bool
    num_videos: int
    num_frames: int
    num_tracks: int
    notes: list[str]


@dataclass(frozen=True, repr=False)
class Checkup:
    """The faults of a file of annotations.

    Attributes
    ----------
    problems : list of dict
        Each with ``kind``, ``severity`` ("error" or "warning"), ``file``, ``entry``, ``frame`` (from 0, where
        there is one), ``what``, ``mend`` and ``fixable``.
    num_errors, num_warnings : int
    num_videos, num_annotations, num_frames, num_fixed : int
        How much was looked at, and how many entries were mended in the new file.
    """

    problems: list[dict[str, Any]]
    lines: list[str]
    num_errors: int
    num_warnings: int
    num_videos: int
    num_annotations: int
    num_frames: int
    num_fixed: int

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings may be there."""
        return self.num_errors == 0

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def __repr__(self) -> str:
        return f"<seqformer.Checkup: {self.num_errors} errors, {self.num_warnings} warnings>"


class Statistics:
    """How much a dataset holds.

    The numbers are in ``numbers`` and are attributes, too: ``num_videos``, ``num_frames``, ``num_tracks``,
    ``classes``, and the others of ``seqformer data stats --json``.
    """

    def __init__(self, numbers: dict[str, Any], table: str) -> None:
        self.numbers = numbers
        self._table = table

    def __getattr__(self, name: str) -> Any:
        numbers = self.__dict__.get("numbers", {})
        if name in numbers:
            return numbers[name]
        raise AttributeError(f"Statistics has no number {name!r}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.numbers]

    def __str__(self) -> str:
        return self._table

    def __repr__(self) -> str:
        return (
            f"<seqformer.Statistics: {self.num_videos} videos of {self.num_frames} frames "
            f"with {self.num_tracks} objects>"
        )


def convert(
    input: Path,
    output: Path,
    to: str = "ytvis",
    *,
    from_format: str | None = None,
    images: Path | None = None,
    size: tuple[int, int] | None = None,
    boxes_as_masks: bool = False,
    overwrite: bool = False,
) -> Conversion:
    """Convert annotations from one format to another.

    Parameters
    ----------
    input : path
        A file, a folder, or a zip archive of either.
    output : path
        The file or folder to write; it appears when it is complete.
    to : str
        The format to write: one of ``seqformer._core.format_names()[1]``, such as ``ytvis``, ``coco``,
        ``davis``, ``cvat`` and ``yolo``.
    from_format : str, optional
        The format that is read; guessed if it is not given.
    images : path, optional
        The folder of the images that the annotations name.
    size : (int, int), optional
        Height and width of frames in pixels, where neither annotations nor images tell it.
    boxes_as_masks : bool
        Whether objects that have a box alone get all its pixels as their mask.
    overwrite : bool
        Whether a file of the name of the output may be replaced. An input never is.

    Returns
    -------
    Conversion

    Raises
    ------
    DataError
        Input that cannot be read or is wrong.
    OutputError
        An output that may not be written.
    """
    told = _core.convert_dataset(
        input,
        output,
        to,
        from_format=from_format,
        images=images,
        size=size,
        boxes_as_masks=boxes_as_masks,
        overwrite=overwrite,
    )
    return Conversion(output=os.fspath(output), **json.loads(told))


def check(
    file: Path,
    *,
    images: Path | None = None,
    fix: Path | None = None,
    overwrite: bool = False,
) -> Checkup:
    """Find every fault of a file of annotations and of its frames.

    Parameters
    ----------
    file : path
        Annotations of YouTube-VIS or COCO, or a zip archive with them.
    images : path, optional
        The folder of the images; all are opened.
    fix : path, optional
        Where to write the file with all mended that needs no guess.
    overwrite : bool
        Whether the file ``fix`` may be replaced.

    Returns
    -------
    Checkup
    """
    return Checkup(**json.loads(_core.check_dataset(file, images=images, fix=fix, overwrite=overwrite)))


def stats(
    input: Path,
    *,
    from_format: str | None = None,
    images: Path | None = None,
    size: tuple[int, int] | None = None,
) -> Statistics:
    """Count what a dataset of any format holds.

    Parameters
    ----------
    input, from_format, images, size
        As in :func:`convert`.

    Returns
    -------
    Statistics
    """
    numbers, table = _core.dataset_statistics(input, from_format=from_format, images=images, size=size)
    return Statistics(json.loads(numbers), table)
