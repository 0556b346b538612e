"""Opens the compiled module that computes with libtorch, ``seqformer._engine``.

There is one build for each minor version of torch, because libtorch promises no binary compatibility between them. The module
uses the libtorch of the torch that is installed, which is therefore imported first.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

_NAME = "seqformer._engine"
_FILE = re.compile(r"_engine_(\d+)_(\d+)\.abi3\.so")


def builds(folder: Path) -> dict[tuple[int, int], Path]:
    """The builds in a folder by the version of torch that each is for."""
    found = ((_FILE.fullmatch(path.name), path) for path in folder.glob("_engine_*.abi3.so"))
    versions = {(int(match[1]), int(match[2])): path for match, path in found if match}
    return dict(sorted(versions.items()))


def choose(folder: Path, version: str, has_new_abi: bool) -> Path:
    """The build for this version of torch.

    Raises
    ------
    ImportError
        If there is none.
    """
    found = builds(folder)
    if not found:
        raise ImportError(
            "this seqformer was built without the half that predicts and trains: build a wheel with torch in .venv "
            "(make wheel), or use the command `seqformer`"
        )
    known = ", ".join(f"{major}.{minor}" for major, minor in found)
    newest = "{}.{}".format(*max(found))
    mend = f"this seqformer can use torch {known}: pip install 'torch=={newest}.*'"
    match = re.match(r"(\d+)\.(\d+)", version)
    build = found.get((int(match[1]), int(match[2]))) if match else None
    if build is None:
        raise ImportError(f"torch {version} is installed; {mend}")
    if not has_new_abi:
        raise ImportError(f"torch {version} is installed, built with the old C++ ABI; {mend}, from PyPI")
    return build


def gpu_library(build: Path) -> Path:
    """Where the part for GPUs of a build is. Only a build with CUDA's headers has it."""
    return build.with_name(build.name.replace("_engine_", "_gpu_").replace(".abi3", ""))


def engine() -> ModuleType:
    """The module ``seqformer._engine``, opened at the first call.

    Raises
    ------
    ImportError
        If torch is missing, or there is no build for it.
    """
    if _NAME in sys.modules:
        return sys.modules[_NAME]
    folder = Path(__file__).parent
    try:
        import torch
    except ImportError as error:
        # Says how to mend a package without a build as well.
        known = builds(folder) or choose(folder, "", True)
        newest = "{}.{}".format(*max(known))
        raise ImportError(
            f"predictions and trainings need torch, which cannot be imported: pip install 'torch=={newest}.*'"
        ) from error
    path = choose(folder, torch.__version__, torch.compiled_with_cxx11_abi())
    loader = importlib.machinery.ExtensionFileLoader(_NAME, str(path))
    spec = importlib.util.spec_from_file_location(_NAME, path, loader=loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    gpu = gpu_library(path)
    if gpu.exists():
        module.use_gpu_library(gpu)
    sys.modules[_NAME] = module
    return module
