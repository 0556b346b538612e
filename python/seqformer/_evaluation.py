"""Metrics of results."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Sequence, Union

from seqformer import _core
from seqformer._files import as_file

if TYPE_CHECKING:
    import os

    import pandas

_PRECISION = ("ap", "box-ap")
_EMPTY_MASKS = ("detections", "absent")


@dataclass(frozen=True, repr=False)
class _Tables:
    """Numbers by metric, and the table of each."""

    numbers: dict[str, Any]
    tables: dict[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """All tables as text, as the command prints them."""
        return "\n\n".join(table.rstrip("\n") for table in self.tables.values())

    def __getitem__(self, metric: str) -> Any:
        return self.numbers[metric]

    def __str__(self) -> str:
        return self.summary


@dataclass(frozen=True, repr=False)
class Evaluation(_Tables):
    """The numbers of results.

    Attributes
    ----------
    numbers : dict
        All numbers by metric, with the names of ``seqformer score --json``; from 0 to 1, and -1 for a
        precision or recall without anything to be found.
    tables : dict of str
        The table of each metric, as the command prints it.
    """

    @property
    def stats(self) -> dict[str, float]:
        """The main numbers of every metric by name, over all classes and videos.

        For ``ap`` these are the twelve numbers of the official tool, ``AP`` to ``ARl``; those of
        ``box-ap`` begin with ``box-``. Other metrics give their usual average.
        """
        found: dict[str, float] = {}
        for metric, numbers in self.numbers.items():
            if metric in _PRECISION:
                found |= _named(metric, dict(zip(numbers["stat_names"], numbers["stats"])))
            elif metric != "errors":
                average = next(value for key, value in numbers.items() if key in _AVERAGES)
                found |= _single(average)
        return found

    @property
    def per_class(self) -> dict[str, dict[str, float]]:
        """The numbers of each class that has annotations or results, by its name."""
        found: dict[str, dict[str, float]] = {}
        for metric, numbers in self.numbers.items():
            if metric in _PRECISION:
                for name, stats in numbers["per_class_stats"].items():
                    row = _named(metric, dict(zip(numbers["stat_names"], stats)))
                    found.setdefault(name, {}).update(row)
            elif metric != "errors":
                for name, row in numbers["per_class"].items():
                    found.setdefault(name, {}).update(_single(row))
        return found

    @property
    def per_video(self) -> dict[str, dict[str, float]]:
        """The numbers of each video, by its id as text; AP has none, because it ranks all videos together."""
        found: dict[str, dict[str, float]] = {}
        for metric, numbers in self.numbers.items():
            if metric not in _PRECISION and metric != "errors":
                for name, row in numbers["per_video"].items():
                    found.setdefault(name, {}).update(_single(row))
        return found

    @property
    def notes(self) -> list[str]:
        """What a reader has to know about the numbers."""
        return [note for numbers in self.numbers.values() for note in numbers.get("notes", [])]

    def to_pandas(self) -> pandas.DataFrame:
        """Make a table with a row for each class and a column for each number."""
        import pandas

        table = pandas.DataFrame.from_dict(self.per_class, orient="index")
        table.index.name = "class"
        return table

    def __repr__(self) -> str:
        main = ", ".join(f"{name}={value:.3f}" for name, value in list(self.stats.items())[:3])
        return f"<seqformer.Evaluation {main}>"


@dataclass(frozen=True, repr=False)
class Comparison(_Tables):
    """Differences between two results on one dataset.

    Attributes
    ----------
    numbers : dict
        For each metric both numbers, their difference, and how sure it is, as
        ``seqformer score --against --json`` writes them.
    tables : dict of str
        The table of each metric, as the command prints it.
    """

    def __repr__(self) -> str:
        return f"<seqformer.Comparison of {', '.join(self.numbers)}>"


# Averages of metrics of tracks, in the order of their files.
_AVERAGES = (
    "class_averaged_all",
    "class_averaged",
    "detection_averaged",
    "object_averaged",
)


def evaluate(
    gt: Union[str, os.PathLike, dict, Any],
    results: Union[str, os.PathLike, list, Any],
    metrics: Sequence[str] = ("ap",),
    *,
    min_score: float | None = None,
    empty_masks: str = "detections",
    errors: bool = False,
) -> Evaluation:
    """Score results.

    Parameters
    ----------
    gt : path, dict, or Dataset
        Annotations of YouTube-VIS, or of COCO for single images.
    results : path, list of dict, or Results
        Results in the form of the evaluation servers: ``video_id``, ``category_id``, ``score`` and
        ``segmentations`` with a mask or None for each frame.
    metrics : sequence of str
        Any of ``ap``, ``box-ap``, ``hota``, ``mots``, ``idf1``, ``jf`` and ``teta``; single images have the
        first two.
    min_score : float, optional
        Results with a lower score do not count in metrics of tracks; AP ranks all.
    empty_masks : {"detections", "absent"}
        What masks of results without pixels are to metrics of tracks.
    errors : bool
        Whether to name the errors of the results, too.

    Returns
    -------
    Evaluation

    Raises
    ------
    DataError
        Annotations or results that cannot be used.

    Examples
    --------
    >>> ap = sf.evaluate("valid.json", "results.json", metrics=["ap", "hota"])
    >>> ap.stats["AP"], ap.per_class["person"]["AP50"]
    """
    _check_empty_masks(empty_masks)
    with as_file(gt, "gt") as gt_file, as_file(results, "results") as results_file:
        numbers, tables = _core.evaluate_files(
            gt_file,
            results_file,
            _distinct(metrics),
            min_score=min_score,
            empty_masks_are_absent=empty_masks == "absent",
            errors=errors,
        )
    return Evaluation(json.loads(numbers), dict(tables))


def compare(
    gt: Union[str, os.PathLike, dict, Any],
    results: Union[str, os.PathLike, list, Any],
    against: Union[str, os.PathLike, list, Any],
    metrics: Sequence[str] = ("ap",),
    *,
    draws: int = 1000,
    seed: int = 0,
    min_score: float | None = None,
) -> Comparison:
    """Compare results with others of the same videos.

    Parameters
    ----------
    gt, results, metrics, min_score
        As in :func:`evaluate`.
    against : path, list of dict, or Results
        The other results.
    draws : int
        How often videos are drawn at random for the intervals (bootstrap).
    seed : int
        Of the random draws.

    Returns
    -------
    Comparison
    """
    with (
        as_file(gt, "gt") as gt_file,
        as_file(results, "results") as first,
        as_file(against, "against") as second,
    ):
        numbers, tables = _core.compare_results(
            gt_file, first, second, _distinct(metrics), draws=draws, seed=seed, min_score=min_score
        )
    return Comparison(json.loads(numbers), dict(tables))


def _check_empty_masks(empty_masks: str) -> None:
    if empty_masks not in _EMPTY_MASKS:
        raise ValueError(f"empty_masks: expected one of {', '.join(_EMPTY_MASKS)}, found {empty_masks!r}")


def _distinct(metrics: Sequence[str]) -> list[str]:
    """The metrics in the order given, each once; a single name is a list of one."""
    names = [metrics] if isinstance(metrics, str) else metrics
    return list(dict.fromkeys(names))


def _named(metric: str, row: dict[str, float]) -> dict[str, float]:
    return {f"box-{name}": value for name, value in row.items()} if metric == "box-ap" else row


def _single(row: dict[str, Any]) -> dict[str, float]:
    """The single numbers, without the curves over thresholds, whose means are among them."""
    return {name: value for name, value in row.items() if name != "curves"}
