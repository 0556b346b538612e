"""What the tests of the half with libtorch share. They are skipped where torch, or a build for it, is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
WEIGHTS = ROOT / "models/synth_small/model.safetensors"
TINY_CONFIG = ROOT / "tests/golden/public/tiny_config.yaml"


@pytest.fixture(scope="session")
def predictor(engine):
    import seqformer

    return seqformer.Predictor(WEIGHTS, device="cpu", precision="f32")


@pytest.fixture(scope="session")
def command():
    """The command with its second program, of this checkout or as ``SEQFORMER_COMMAND`` says."""
    given = os.environ.get("SEQFORMER_COMMAND")
    found = [Path(given)] if given else [ROOT / "target" / kind / "seqformer" for kind in ("debug", "release")]
    complete = [path for path in found if path.with_name("seqformer-compute").exists()]
    if not complete:
        pytest.skip("not tested: the command is not built here (cargo build -p seqformer-cli)")

    def run(*words):
        done = subprocess.run([complete[0], *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def moving_square(num_frames, height=60, width=80):
    """Frames of a bright square that moves over noise."""
    random = np.random.default_rng(7)
    ground = random.integers(0, 90, (height, width, 3), dtype=np.uint8)
    for index in range(num_frames):
        frame = ground.copy()
        left = 5 + index * 2 % (width - 30)
        frame[15:40, left : left + 25] = (220, 60, 40)
        yield frame


def write_frames(folder, frames):
    """A folder of BMP images, which lose nothing."""
    folder.mkdir()
    for index, frame in enumerate(frames):
        height, width, _channels = frame.shape
        padded = np.zeros((height, (3 * width + 3) // 4 * 4), dtype=np.uint8)
        padded[:, : 3 * width] = frame[::-1, :, ::-1].reshape(height, 3 * width)
        sizes = [54 + padded.size, 0, 54, 40, width, height]
        head = b"BM" + b"".join(size.to_bytes(4, "little") for size in sizes)
        head += (1).to_bytes(2, "little") + (24).to_bytes(2, "little")
        head += b"".join(size.to_bytes(4, "little") for size in [0, padded.size, 2835, 2835, 0, 0])
        (folder / f"{index:05}.bmp").write_bytes(head + padded.tobytes())
    return folder


@pytest.fixture
def folder_of_frames(tmp_path):
    yield write_frames(tmp_path / "frames", moving_square(12))
    shutil.rmtree(tmp_path, ignore_errors=True)


def threads():
    """Every thread of this process with its mask of blocked signals."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        try:
            lines = (task / "status").read_text().splitlines()
        except OSError:
            continue
        mask = next(line for line in lines if line.startswith("SigBlk:"))
        found[int(task.name)] = int(mask.split()[1], 16)
    return found
