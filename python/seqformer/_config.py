"""Keys of the configuration as keywords."""

from __future__ import annotations

from typing import Any


def config_pairs(overrides: dict[str, Any]) -> list[str]:
    """Keywords as pairs of key and value: ``SOLVER__MAX_ITER=100`` is ``SOLVER.MAX_ITER 100``."""
    return [word for key, value in overrides.items() for word in (key.replace("__", "."), str(value))]
