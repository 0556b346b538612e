"""Video instance segmentation: masks, annotations, results and their metrics.

The package is a thin layer over compiled code. Parts are imported when they are first used, so that
``import seqformer`` stays fast; NumPy is the only other package that is needed.

Examples
--------
>>> import seqformer as sf
>>> ap = sf.evaluate("valid.json", "results.json", metrics=["ap", "hota"])
>>> print(ap.summary)
>>> for video in sf.load_annotations("valid.json"):
...     for frame in video:
...         frame.masks, frame.track_ids, frame.names
"""

from __future__ import annotations

from importlib import import_module

from seqformer._core import (
    CheckpointError,
    ConfigError,
    DataError,
    DeviceError,
    OutputError,
    SeqformerError,
    __version__,
)

# As `typing` has it, whose import takes longer than all else here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What is imported when it is first used, and the module that has it.
_PARTS = {
    "Checkup": "seqformer._data",
    "ClipDataset": "seqformer._clips",
    "Comparison": "seqformer._evaluation",
    "Conversion": "seqformer._data",
    "Dataset": "seqformer._videos",
    "Evaluation": "seqformer._evaluation",
    "Frame": "seqformer._video",
    "Predictor": "seqformer._predictor",
    "Results": "seqformer._videos",
    "Statistics": "seqformer._data",
    "Stream": "seqformer._stream",
    "StreamedFrame": "seqformer._stream",
    "Track": "seqformer._video",
    "Trainer": "seqformer._trainer",
    "Video": "seqformer._video",
    "WrittenReport": "seqformer._report",
    "check": "seqformer._data",
    "compare": "seqformer._evaluation",
    "convert": "seqformer._data",
    "evaluate": "seqformer._evaluation",
    "load_annotations": "seqformer._videos",
    "load_results": "seqformer._videos",
    "report": "seqformer._report",
    "stats": "seqformer._data",
}
_MODULES = ("compat", "masks", "weights")

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DataError",
    "DeviceError",
    "OutputError",
    "SeqformerError",
    "__version__",
    *_PARTS,
    *_MODULES,
]


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        found = getattr(import_module(_PARTS[name]), name)
    elif name in _MODULES:
        found = import_module(f"seqformer.{name}")
    else:
        raise AttributeError(f"module 'seqformer' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
