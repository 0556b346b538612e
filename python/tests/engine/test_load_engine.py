"""Which build is opened, and what is said if there is none. None of it needs torch."""

import ctypes
import re
from pathlib import Path

import pytest

from seqformer._load_engine import builds, choose, gpu_library


@pytest.fixture
def folder(tmp_path):
    for name in ["_engine_2_9.abi3.so", "_engine_2_11.abi3.so", "_engine_2_10.abi3.so", "_core.abi3.so"]:
        (tmp_path / name).touch()
    return tmp_path


def test_the_build_of_the_minor_version_is_chosen(folder):
    assert list(builds(folder)) == [(2, 9), (2, 10), (2, 11)]
    for version in ["2.11.0", "2.11.1+cu130", "2.11.0a0+git12"]:
        assert choose(folder, version, True).name == "_engine_2_11.abi3.so"


@pytest.mark.parametrize("version", ["2.1.0", "2.110.0", "3.11.0", "nightly"])
def test_another_torch_is_refused_with_the_mend(folder, version):
    with pytest.raises(ImportError) as raised:
        choose(folder, version, True)
    expected = f"torch {version} is installed; this seqformer can use torch 2.9, 2.10, 2.11: pip install 'torch==2.11.*'"
    assert str(raised.value) == expected


def test_the_old_abi_and_a_package_without_builds_are_told_apart(folder, tmp_path_factory):
    with pytest.raises(ImportError, match=r"old C\+\+ ABI; .*pip install 'torch==2.11"):
        choose(folder, "2.11.0", False)
    with pytest.raises(ImportError, match="was built without the half that predicts and trains"):
        choose(tmp_path_factory.mktemp("empty"), "2.11.0", True)


def test_the_package_asks_for_the_versions_that_the_build_accepts():
    root = Path(__file__).resolve().parents[3]
    source = (root / "crates/seqformer-libtorch/build.rs").read_text()
    accepted = re.search(r"LIBTORCH_VERSIONS: \[&str; \d+\] = \[(.*?)\]", source)[1]
    minors = sorted(int(minor) for minor in re.findall(r'"2\.(\d+)\.\d+"', accepted))
    asked = re.search(r'"torch>=2\.(\d+),<2\.(\d+)"', (root / "python/pyproject.toml").read_text())
    assert len(minors) >= 2 and minors == list(range(int(asked[1]), int(asked[2])))


def test_the_part_for_gpus_comes_with_the_package(engine):
    import torch

    build = Path(engine.__file__)
    if torch.version.cuda is None:
        assert not gpu_library(build).exists()
        with pytest.raises(ImportError, match="use the CPU"):
            engine.gpu_library()
        return
    assert Path(engine.gpu_library()) == gpu_library(build) and gpu_library(build).parent == build.parent
    # Its libraries are those of torch, which are open.
    assert ctypes.CDLL(str(gpu_library(build))).sf_cuda_memory
