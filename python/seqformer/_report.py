"""Pages to look at."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Sequence, Union

from seqformer import _core

Path = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class WrittenReport:
    """A report that was written.

    Attributes
    ----------
    index : str
        The first page, to be opened in a browser.
    num_videos : int
    num_bytes : int
        The size of all its files.
    notes : list of str
    """

    index: str
    num_videos: int
    num_bytes: int
    notes: list[str]


def report(
    gt: Path,
    results: Path | Sequence[Path] = (),
    output: Path = "report",
    *,
    frames: Path | None = None,
    copy_frames: bool = False,
    run: Path | None = None,
    min_score: float | None = None,
    overwrite: bool = False,
) -> WrittenReport:
    """Write a folder of pages: numbers, plots, errors, and a player for masks.

    Parameters
    ----------
    gt : path
        Annotations of YouTube-VIS.
    results : path or sequence of paths
        One file of results, two that are compared, or none to look at the annotations alone.
    output : path
        The folder to write, new or empty.
    frames : path, optional
        The folder that the names of frames start from.
    copy_frames : bool
        Whether frames are copied into the report.
    run : path, optional
        The ``OUTPUT_DIR`` of a training, for a page of its own.
    min_score : float, optional
        The score from which results are shown, instead of that with the best F1.
    overwrite : bool
        Whether an earlier report may be replaced.

    Returns
    -------
    WrittenReport
    """
    files = [results] if isinstance(results, (str, os.PathLike)) else list(results)
    if len(files) > 2:
        raise ValueError(f"results: expected one file, or two that are compared, found {len(files)}")
    index, num_videos, num_bytes, notes = _core.write_report(
        gt,
        files,
        output,
        frames=frames,
        copy_frames=copy_frames,
        run=run,
        min_score=min_score,
        overwrite=overwrite,
    )
    return WrittenReport(os.fspath(index), num_videos, num_bytes, notes)
