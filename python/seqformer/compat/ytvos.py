"""Both classes of YouTube-VIS's ``cocoapi``."""

from seqformer.compat.pycocotools.ytvos import YTVOS
from seqformer.compat.pycocotools.ytvoseval import Params, YTVOSeval

__all__ = ["Params", "YTVOS", "YTVOSeval"]
