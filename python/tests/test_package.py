"""The package as a whole."""

import subprocess
import sys

import seqformer as sf


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_importing_loads_neither_numpy_nor_torch():
    done = run("import sys, seqformer; print(sorted({'numpy', 'torch', 'pandas', 'json'} & set(sys.modules)))")
    assert done.stdout.strip() == "[]", done.stderr


def test_nothing_of_torch_is_loaded_by_any_part():
    done = run(
        "import seqformer as sf\n"
        "[getattr(sf, name) for name in sf.__all__]\n"
        "sf.masks.encode([[0, 1]])\n"
        "print('libtorch' in open('/proc/self/maps').read())"
    )
    assert done.stdout.strip() == "False", done.stderr


def test_every_name_is_there_and_no_other():
    for name in sf.__all__:
        assert getattr(sf, name) is not None
        assert name in dir(sf)
    assert not hasattr(sf, "predict")


def test_errors_have_one_base():
    for error in (sf.DataError, sf.OutputError, sf.CheckpointError, sf.ConfigError, sf.DeviceError):
        assert issubclass(error, sf.SeqformerError)


def test_the_command_is_in_the_package():
    import os
    import sysconfig

    command = os.path.join(sysconfig.get_path("scripts"), "seqformer")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["seqformer", sf.__version__]
    done = subprocess.run([command, "predict", "--help"], capture_output=True, text=True, check=True)
    assert "Usage: seqformer predict" in done.stdout


def test_ctrl_c_ends_a_long_call():
    # So many draws take long; the process ends with the thread that still computes.
    code = """
import json, os, signal, threading, seqformer as sf
# A shell that starts a program in the background has it ignore SIGINT, and Python then leaves it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
mask = {"size": [2, 2], "counts": "121"}
videos = range(1, 9)
gt = {"videos": [{"id": id, "height": 2, "width": 2, "length": 1} for id in videos],
      "categories": [{"id": 1, "name": "cat"}],
      "annotations": [{"id": id, "video_id": id, "category_id": 1, "iscrowd": 0, "segmentations": [mask]} for id in videos]}
results = [{"video_id": id, "category_id": 1, "score": 0.5, "segmentations": [mask]} for id in videos]
handler = signal.getsignal(signal.SIGINT)
sf.compare(gt, results, results, draws=10)
assert signal.getsignal(signal.SIGINT) is handler
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    sf.compare(gt, results, results, draws=3_000_000)
    print("finished")
except KeyboardInterrupt:
    print("interrupted", sf.masks.area(mask), flush=True)
"""
    done = run(code)
    assert done.stdout.strip() == "interrupted 2", done.stderr


def test_the_reference_is_what_the_docstrings_say():
    from pathlib import Path

    script = Path(__file__).resolve().parents[2] / "scripts/python_api.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
