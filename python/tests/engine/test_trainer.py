"""A training from Python."""

import json
import os
import signal
import threading

import pytest

from .conftest import TINY_CONFIG


@pytest.fixture(scope="module")
def data(command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    words = ["--videos", 4, "--frames", "3..4", "--size", "64x48", "--classes", 3, "--seed", 1]
    command("synth", "--output", folder, *words)
    return folder / "annotations/train.json"


def trainer(data, output, **more):
    import seqformer

    settings = {
        "MODEL__SeqFormer__NUM_CLASSES": 3,
        "MODEL__BACKBONE__FREEZE_AT": 0,
        "MODEL__WEIGHTS": "",
        "SEED": 5,
        "INPUT__SAMPLING_FRAME_NUM": 2,
        "INPUT__MIN_SIZE_TRAIN": "(48,)",
        "DATASETS__TRAIN": f"['{data}']",
        "DATASETS__TEST": "()",
        "SOLVER__IMS_PER_BATCH": 1,
        "SOLVER__STEPS": "()",
        "DATALOADER__NUM_WORKERS": 1,
        "OUTPUT_DIR": output,
    }
    return seqformer.Trainer.from_config(TINY_CONFIG, device="cpu", **settings, **more)


def test_records_are_those_of_the_file(engine, data, tmp_path):
    records = []
    run = trainer(data, tmp_path / "run", SOLVER__MAX_ITER=3)
    assert (run.iterations, run.max_iterations) == (0, 3)
    run.train(callbacks=[records.append])
    lines = (tmp_path / "run/metrics.json").read_text().splitlines()
    assert records == [json.loads(line) for line in lines] and records[-1]["iteration"] == 2
    assert records[-1]["total_loss"] > 0 and run.iterations == 3
    assert (tmp_path / "run/model_final.pth").exists()


def test_ctrl_c_writes_a_checkpoint_and_the_training_goes_on(engine, data, tmp_path):
    run = trainer(data, tmp_path / "run", SOLVER__MAX_ITER=1_000_000)
    timer = threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run.train()
    timer.join()
    checkpoint = (tmp_path / "run/last_checkpoint").read_text()
    done = int(checkpoint.removeprefix("model_").removesuffix(".pth")) + 1
    del run
    again = trainer(data, tmp_path / "run", SOLVER__MAX_ITER=done + 1, resume=True)
    assert again.iterations == done
    again.train()
    assert again.iterations == done + 1


def test_an_exception_of_a_callback_ends_the_training(engine, data, tmp_path):
    def callback(record):
        raise ZeroDivisionError("no such logger")

    run = trainer(data, tmp_path / "run", SOLVER__MAX_ITER=3)
    with pytest.raises(ZeroDivisionError, match="no such logger"):
        run.train(callbacks=[callback])


def test_a_folder_in_use_is_refused(engine, data, tmp_path):
    import seqformer

    run = trainer(data, tmp_path / "run", SOLVER__MAX_ITER=3)
    with pytest.raises(seqformer.OutputError, match="another run is writing here"):
        trainer(data, tmp_path / "run", SOLVER__MAX_ITER=3)
    del run
