"""``pycocotools.mask``: the functions of :mod:`seqformer.masks`."""

from seqformer.masks import area, decode, encode, frPyObjects, iou, merge, toBbox

__all__ = ["area", "decode", "encode", "frPyObjects", "iou", "merge", "toBbox"]
