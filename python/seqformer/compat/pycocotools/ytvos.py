"""``pycocotools.ytvos`` of YouTube-VIS's ``cocoapi``.

Source: https://github.com/youtubevos/cocoapi, ``PythonAPI/pycocotools/ytvos.py``. Masks are checked.
"""

from __future__ import annotations

import copy
import json
import os
from collections import defaultdict
from typing import Any, Iterable

import numpy as np

from seqformer import masks
from seqformer._core import DataError

__all__ = ["YTVOS"]


class YTVOS:
    """Annotations of videos, or results that were loaded with :meth:`loadRes`.

    Parameters
    ----------
    annotation_file : path, optional
        Annotations of YouTube-VIS.

    Attributes
    ----------
    dataset : dict
        The file as it is.
    anns, cats, vids : dict
        Entries by id.
    vidToAnns, catToVids : dict of list
        Annotations by video, and ids of videos by category.
    """

    def __init__(self, annotation_file: str | os.PathLike | None = None) -> None:
        self.dataset: dict[str, Any] = {}
        if annotation_file is not None:
            self.dataset = _load(annotation_file)
            if not isinstance(self.dataset, dict):
                raise DataError(
                    f"{os.fspath(annotation_file)}: expected a dictionary with videos, categories and "
                    f"annotations, found a {type(self.dataset).__name__}; results are loaded with loadRes"
                )
        self.createIndex()

    def createIndex(self) -> None:
        """Order the entries of ``dataset`` by id."""
        annotations = self.dataset.get("annotations") or []
        self.anns = {ann["id"]: ann for ann in annotations}
        self.vids = {vid["id"]: vid for vid in self.dataset.get("videos") or []}
        self.cats = {cat["id"]: cat for cat in self.dataset.get("categories") or []}
        self.vidToAnns: dict[Any, list] = defaultdict(list)
        self.catToVids: dict[Any, list] = defaultdict(list)
        for ann in annotations:
            self.vidToAnns[ann["video_id"]].append(ann)
            self.catToVids[ann["category_id"]].append(ann["video_id"])

    def info(self) -> None:
        """Print what the file says of itself."""
        for key, value in self.dataset.get("info", {}).items():
            print(f"{key}: {value}")

    def getAnnIds(
        self, vidIds: Any = (), catIds: Any = (), areaRng: Any = (), iscrowd: Any = None
    ) -> list:
        """Give the ids of annotations of these videos and categories, with a mean area within a range (pixels)."""
        vids, cats = _list(vidIds), _list(catIds)
        if vids:
            anns = [ann for vid in vids for ann in self.vidToAnns.get(vid, [])]
        else:
            anns = self.dataset.get("annotations") or []
        if cats:
            anns = [ann for ann in anns if ann["category_id"] in cats]
        if len(areaRng):
            anns = [ann for ann in anns if areaRng[0] < _average_area(ann) < areaRng[1]]
        if iscrowd is not None:
            anns = [ann for ann in anns if ann.get("iscrowd", 0) == iscrowd]
        return [ann["id"] for ann in anns]

    def getCatIds(self, catNms: Any = (), supNms: Any = (), catIds: Any = ()) -> list:
        """Give the ids of categories with these names, names of supercategories, and ids."""
        wanted = {"name": _list(catNms), "supercategory": _list(supNms), "id": _list(catIds)}
        cats = self.dataset.get("categories") or []
        for key, values in wanted.items():
            if values:
                cats = [cat for cat in cats if cat.get(key) in values]
        return [cat["id"] for cat in cats]

    def getVidIds(self, vidIds: Any = (), catIds: Any = ()) -> list:
        """Give the ids of videos among these that have annotations of all these categories."""
        vids, cats = _list(vidIds), _list(catIds)
        if not vids and not cats:
            return list(self.vids)
        found = set(vids) if vids else set(self.vids)
        for cat in cats:
            found &= set(self.catToVids.get(cat, []))
        return list(found)

    def loadAnns(self, ids: Any = ()) -> list[dict]:
        """Give annotations by id."""
        return [self.anns[id] for id in _list(ids)]

    def loadCats(self, ids: Any = ()) -> list[dict]:
        """Give categories by id."""
        return [self.cats[id] for id in _list(ids)]

    def loadVids(self, ids: Any = ()) -> list[dict]:
        """Give videos by id."""
        return [self.vids[id] for id in _list(ids)]

    def loadRes(self, resFile: Any) -> YTVOS:
        """Load results for these videos.

        Parameters
        ----------
        resFile : path or list of dict
            Each with ``video_id``, ``category_id``, ``score`` and ``segmentations``.

        Returns
        -------
        YTVOS
            Whose annotations are the results, with ids from 1 on.
        """
        name = "results" if isinstance(resFile, list) else os.fspath(resFile)
        given = resFile if isinstance(resFile, list) else _load(resFile)
        if not isinstance(given, list):
            raise DataError(f"{name}: expected a list of results, found a {type(given).__name__}")
        anns = []
        for index, result in enumerate(given):
            if result.get("video_id") not in self.vids:
                raise DataError(
                    f"{name}: [{index}]: expected the video_id of a video of the annotations, "
                    f"found {result.get('video_id')!r}; these results are those of other annotations"
                )
            segmentations = result.get("segmentations") or []
            areas = [int(masks.area(rle)) if rle else None for rle in segmentations]
            boxes = [masks.toBbox(rle).tolist() if rle else None for rle in segmentations]
            seen = [area for area in areas if area]
            derived = {"id": index + 1, "areas": areas, "iscrowd": 0}
            derived["avg_area"] = float(np.mean(seen)) if seen else 0.0
            anns.append({"bboxes": boxes, **result, **derived})
        loaded = YTVOS()
        shared = {key: self.dataset[key] for key in ("videos", "categories") if key in self.dataset}
        loaded.dataset = {**copy.deepcopy(shared), "annotations": anns}
        loaded.createIndex()
        return loaded

    def annToRLE(self, ann: dict, frameId: int) -> Any:
        """Give the mask of a frame in run lengths; None where there is none."""
        mask = ann["segmentations"][frameId]
        if not mask:
            return None
        if isinstance(mask, list):
            video = self.vids[ann["video_id"]]
            return masks.merge(masks.frPyObjects(mask, video["height"], video["width"]))
        return masks.frPyObjects(mask, *mask["size"])

    def annToMask(self, ann: dict, frameId: int) -> Any:
        """Decode the mask of a frame, shape (H, W); None where there is none."""
        rle = self.annToRLE(ann, frameId)
        return None if rle is None else masks.decode(rle)


def _load(path: str | os.PathLike) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise DataError(f"{os.fspath(path)}: cannot be read: {error}") from error


def _list(given: Any) -> list:
    """A single value is a list of one."""
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        return [given]
    return list(given)


def _average_area(ann: dict) -> float:
    """The mean area over the frames on which an object is seen, in pixels."""
    if "avg_area" in ann:
        return ann["avg_area"]
    seen = [area for area in ann.get("areas") or [] if area]
    return float(np.mean(seen)) if seen else 0.0
