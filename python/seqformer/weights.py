"""Files of weights."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Union

from seqformer import _core

__all__ = ["WeightsInfo", "info"]


@dataclass(frozen=True, repr=False)
class WeightsInfo:
    """What a file of weights holds.

    Attributes
    ----------
    names : str
        The program whose names the tensors have.
    backbone : str or None
        The backbone, if it is a known one.
    num_classes : int or None
        Rows of the class head, if there is one.
    num_tensors, num_elements, num_bytes : int
        Tensors, their elements (shared ones count once), and the size of the file.
    dtypes : dict of int
        How many tensors there are of each type.
    sha256 : str
        Of the file, in hexadecimal digits.
    metadata : dict
        What is written beside the tensors.
    notes : list of str
    not_finite : list of str
        Tensors with NaN or infinity, and how many.
    tensors : list of dict
        ``name``, ``dtype`` and ``shape`` of each tensor, in the order of names.
    """

    names: str
    backbone: str | None
    num_classes: int | None
    num_tensors: int
    num_elements: int
    dtypes: dict[str, int]
    num_bytes: int
    sha256: str
    metadata: dict[str, Any]
    notes: list[str]
    not_finite: list[str]
    tensors: list[dict[str, Any]]

    def __repr__(self) -> str:
        return (
            f"<seqformer.weights.WeightsInfo: {self.names}, backbone {self.backbone}, "
            f"{self.num_tensors} tensors, {self.num_elements} elements>"
        )


def info(file: Union[str, "os.PathLike[str]"]) -> WeightsInfo:
    """Look into a file of weights. It is never executed, and needs no torch.

    Parameters
    ----------
    file : path
        A ``.pth``, ``.pkl`` or ``.safetensors`` file.

    Returns
    -------
    WeightsInfo

    Raises
    ------
    CheckpointError
        A file that is none of these, or is damaged.
    """
    return WeightsInfo(**json.loads(_core.inspect_weights(file)))
