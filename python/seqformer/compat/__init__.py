"""Names and calls of other packages, so that scripts switch by changing an import.

========================================  =====================================================
``pycocotools.mask``                      ``seqformer.compat.pycocotools.mask``
``pycocotools.ytvos`` (YouTube-VIS)       ``seqformer.compat.pycocotools.ytvos``
``pycocotools.ytvoseval`` (YouTube-VIS)   ``seqformer.compat.pycocotools.ytvoseval``
========================================  =====================================================
"""
