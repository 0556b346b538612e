"""The compiled part. What users call is in the package itself."""

from os import PathLike
from typing import Any, Sequence, Union

_Path = Union[str, PathLike[str]]

__version__: str

class SeqformerError(Exception):
    """What seqformer cannot do."""

class DataError(SeqformerError):
    """Annotations, results, masks or pictures that cannot be used."""

class OutputError(SeqformerError):
    """A name that may not be written."""

class CheckpointError(SeqformerError):
    """A file of weights that cannot be used."""

class ConfigError(SeqformerError):
    """A configuration that cannot be used: the key, what was found and what was expected."""

class DeviceError(SeqformerError):
    """A device that is not there, or that has no memory left."""

_Box = Sequence[float]

def encode_masks(pixels: bytes, height: int, width: int, count: int) -> list[dict[str, Any]]: ...
def decode_masks(masks: list[Any]) -> tuple[bytearray, list[int]]: ...
def mask_areas(masks: list[Any]) -> list[int]: ...
def mask_boxes(masks: list[Any]) -> list[list[float]]: ...
def mask_iou(detections: list[Any], truths: list[Any], is_crowd: list[bool]) -> bytearray: ...
def box_iou(
    detections: Sequence[_Box], truths: Sequence[_Box], is_crowd: list[bool]
) -> bytearray: ...
def merge_masks(masks: list[Any], intersect: bool) -> dict[str, Any]: ...
def masks_from_polygons(polygons: list[list[float]], height: int, width: int) -> list[dict[str, Any]]: ...
def masks_from_boxes(rows: Sequence[_Box], height: int, width: int) -> list[dict[str, Any]]: ...
def masks_from_runs(masks: list[Any]) -> list[dict[str, Any]]: ...
def evaluate_files(
    gt: _Path,
    results: _Path,
    metrics: list[str],
    *,
    min_score: float | None = None,
    empty_masks_are_absent: bool = False,
    errors: bool = False,
) -> tuple[str, list[tuple[str, str]]]: ...
def compare_results(
    gt: _Path,
    results: _Path,
    against: _Path,
    metrics: list[str],
    *,
    draws: int,
    seed: int,
    min_score: float | None = None,
) -> tuple[str, list[tuple[str, str]]]: ...
def precision_recall(
    gt: _Path, results: _Path
) -> tuple[bytearray, bytearray, list[int], list[float], str]: ...
def format_names() -> tuple[list[str], list[str]]: ...
def convert_dataset(
    input: _Path,
    output: _Path,
    to: str,
    *,
    from_format: str | None = None,
    images: _Path | None = None,
    size: tuple[int, int] | None = None,
    boxes_as_masks: bool = False,
    overwrite: bool = False,
) -> str: ...
def check_dataset(
    file: _Path, *, images: _Path | None = None, fix: _Path | None = None, overwrite: bool = False
) -> str: ...
def dataset_statistics(
    input: _Path,
    *,
    from_format: str | None = None,
    images: _Path | None = None,
    size: tuple[int, int] | None = None,
) -> tuple[str, str]: ...
def write_report(
    gt: _Path,
    results: Sequence[_Path],
    output: _Path,
    *,
    frames: _Path | None = None,
    copy_frames: bool = False,
    run: _Path | None = None,
    min_score: float | None = None,
    overwrite: bool = False,
) -> tuple[_Path, int, int, list[str]]: ...
def inspect_weights(file: _Path) -> str: ...
def export_kinds() -> list[str]: ...
def read_dataset(
    input: _Path,
    *,
    from_format: str | None = None,
    images: _Path | None = None,
    size: tuple[int, int] | None = None,
) -> Videos: ...
def read_results(
    results: _Path,
    *,
    annotations: _Path | None = None,
    images: _Path | None = None,
    videos: list[_Path] | None = None,
    min_score: float | None = None,
    max_tracks: int | None = None,
) -> Videos: ...

class Videos:
    notes: list[str]
    def __len__(self) -> int: ...
    def categories(self) -> list[tuple[int, str]]: ...
    def describe(self, index: int) -> dict[str, Any]: ...
    def load(self, index: int) -> VideoTracks: ...
    def write(
        self, files: list[tuple[str, str]], *, index: int | None = None, overwrite: bool = False
    ) -> tuple[list[_Path], list[str]]: ...

class TrainingClips:
    class_names: list[str]
    class_ids: list[int]
    notes: list[str]
    def __init__(self, config: _Path, pairs: list[str]) -> None: ...
    def __len__(self) -> int: ...
    def load(self, index: int, draw: int, seed: int) -> dict[str, Any]: ...

class VideoTracks:
    def frame_masks(self, frame: int) -> bytearray: ...
    def frame_boxes(self, frame: int) -> list[list[float] | None]: ...
    def track_boxes(self, track: int) -> list[list[float] | None]: ...
    def track_masks(self, track: int) -> list[dict[str, Any] | None]: ...
    def track_areas(self, track: int) -> list[int]: ...
