"""``pycocotools.ytvoseval`` of YouTube-VIS's ``cocoapi``, with its numbers.

Source: https://github.com/youtubevos/cocoapi, ``PythonAPI/pycocotools/ytvoseval.py``.

Differences: ``evaluate`` computes everything at once and prints nothing, so there are no ``ious`` and
``evalVids``, and ``eval`` has no ``scores``; of the parameters, ``vidIds`` and ``catIds`` can be changed, and
others raise an error instead of being ignored.
"""

from __future__ import annotations

import copy
import datetime
from typing import Any, Iterable

import numpy as np

from seqformer import _arrays, _core
from seqformer._files import as_file
from seqformer.compat.pycocotools.ytvos import YTVOS

__all__ = ["Params", "YTVOSeval"]


class Params:
    """The settings of an evaluation.

    Attributes
    ----------
    vidIds, catIds : list
        Which videos and categories count.
    iouThrs, recThrs : ndarray
        IoU thresholds and recall points.
    maxDets : list of int
        How many results of a video and category count, best first.
    areaRng : list of (float, float)
        Ranges of the mean area of an object in pixels.
    areaRngLbl : list of str
    useCats : int
    iouType : str
    """

    def __init__(self, iouType: str = "segm") -> None:
        if iouType != "segm":
            raise ValueError(f"iouType: expected 'segm', found {iouType!r}")
        self.vidIds: Any = []
        self.catIds: Any = []
        self.iouThrs = np.linspace(0.5, 0.95, 10)
        self.recThrs = np.linspace(0.0, 1.0, 101)
        self.maxDets = [1, 10, 100]
        self.areaRng = [[0**2, 1e5**2], [0**2, 128**2], [128**2, 256**2], [256**2, 1e5**2]]
        self.areaRngLbl = ["all", "small", "medium", "large"]
        self.useCats = 1
        self.iouType = iouType

    def _check(self) -> None:
        """Refuse what cannot be changed."""
        default = Params()
        for name in ("iouThrs", "recThrs", "maxDets", "areaRng", "areaRngLbl", "useCats", "iouType"):
            expected, found = getattr(default, name), getattr(self, name)
            if not np.array_equal(np.asarray(expected), np.asarray(found)):
                raise ValueError(f"params.{name}: expected {expected}, which is fixed here, found {found}")


class YTVOSeval:
    """Average precision and recall of results.

    Parameters
    ----------
    vidGt, vidDt : YTVOS
        Annotations, and results that were loaded with their ``loadRes``.
    iouType : {"segm"}

    Attributes
    ----------
    params : Params
    eval : dict
        After ``accumulate``: ``precision``, shape (T, R, K, A, M), ``recall``, shape (T, K, A, M), ``counts``,
        ``params`` and ``date``. The axes are IoU thresholds, recall points, categories, area ranges and
        limits on the number of results; -1 where there is nothing to be found.
    stats : ndarray of float64, shape (12,)
        After ``summarize``: AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm and ARl.

    Examples
    --------
    >>> gt = YTVOS("valid.json")
    >>> evaluation = YTVOSeval(gt, gt.loadRes("results.json"), "segm")
    >>> evaluation.evaluate()
    >>> evaluation.accumulate()
    >>> evaluation.summarize()
    """

    def __init__(
        self, vidGt: YTVOS | None = None, vidDt: YTVOS | None = None, iouType: str = "segm"
    ) -> None:
        self.vidGt, self.vidDt = vidGt, vidDt
        self.params = Params(iouType)
        self.eval: dict[str, Any] = {}
        self.stats: Any = []
        self._curves: Any = None
        if vidGt is not None:
            self.params.vidIds = sorted(vidGt.getVidIds())
            self.params.catIds = sorted(vidGt.getCatIds())

    def evaluate(self) -> None:
        """Match the results of all videos with their annotations."""
        self.params._check()
        if self.vidGt is None or self.vidDt is None:
            raise ValueError("YTVOSeval: expected annotations and results, found one of them missing")
        vids, cats = set(self.params.vidIds), set(self.params.catIds)
        self.params.vidIds, self.params.catIds = sorted(vids), sorted(cats)

        def chosen(entries: Iterable[dict]) -> list[dict]:
            return [one for one in entries if one["video_id"] in vids and one["category_id"] in cats]

        gt = {
            "videos": [vid for vid in self.vidGt.dataset["videos"] if vid["id"] in vids],
            "categories": [cat for cat in self.vidGt.dataset["categories"] if cat["id"] in cats],
            "annotations": chosen(self.vidGt.dataset.get("annotations") or []),
        }
        keys = ("video_id", "category_id", "score", "segmentations")
        results = [
            {key: result[key] for key in keys if key in result}
            for result in chosen(self.vidDt.dataset["annotations"])
        ]
        with as_file(gt, "gt") as gt_file, as_file(results, "results") as results_file:
            precision, recall, shape, stats, summary = _core.precision_recall(gt_file, results_file)
        t, _, k, a, m = shape
        self._curves = (
            _arrays.doubles(precision, *shape),
            _arrays.doubles(recall, t, k, a, m),
            np.array(stats),
            summary,
        )

    def accumulate(self, p: Params | None = None) -> None:
        """Put precision and recall into ``eval``."""
        if self._curves is None:
            raise ValueError("YTVOSeval: expected a call of evaluate() before accumulate()")
        if p is not None:
            p._check()
        precision, recall, _stats, _summary = self._curves
        self.eval = {
            "params": copy.deepcopy(self.params),
            "counts": list(precision.shape),
            "date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S"),
            "precision": precision,
            "recall": recall,
        }

    def summarize(self) -> None:
        """Print the twelve numbers, and put them into ``stats``."""
        if not self.eval:
            raise ValueError("YTVOSeval: expected a call of accumulate() before summarize()")
        _precision, _recall, self.stats, summary = self._curves
        print(summary, end="")

    def __str__(self) -> str:
        return self._curves[3] if self.eval else "YTVOSeval without numbers: call evaluate() and accumulate()"
