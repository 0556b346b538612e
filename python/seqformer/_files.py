"""Files for what Python has in memory."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import contextmanager
from typing import Any, Iterator

from seqformer._core import DataError


def plain(value: Any) -> Any:
    """Make of NumPy's numbers and of bytes what JSON can hold."""
    if isinstance(value, bytes):
        return value.decode("ascii")
    if hasattr(value, "tolist"):
        return value.tolist()
    raise DataError(f"JSON: expected numbers, texts, lists and dictionaries, found {type(value).__name__}")


@contextmanager
def as_file(given: Any, name: str) -> Iterator[str]:
    """Give the path of a file: that given, or that of a temporary one with what was given.

    Parameters
    ----------
    given : path, list or dict, or an object with ``to_ytvis``
    name : str
        The name of the file in messages.
    """
    if isinstance(given, (str, os.PathLike)):
        yield os.fspath(given)
        return
    if hasattr(given, "to_ytvis"):
        given = given.to_ytvis()
    if not isinstance(given, (list, dict)):
        raise DataError(
            f"{name}: expected a path, a list or a dictionary, found {type(given).__name__}"
        )
    with tempfile.TemporaryDirectory(prefix="seqformer-") as folder:
        path = os.path.join(folder, f"{name}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(given, file, default=plain)
        yield path
