"""``pycocotools.ytvoseval`` of YouTube-VIS's ``cocoapi``."""

from seqformer.compat.ytvos import Params, YTVOSeval

__all__ = ["Params", "YTVOSeval"]
