"""``pycocotools.ytvos`` of YouTube-VIS's ``cocoapi``."""

from seqformer.compat.ytvos import YTVOS

__all__ = ["YTVOS"]
