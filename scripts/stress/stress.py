#!/usr/bin/env python3
"""Stops, kills and resumes a small training at random moments and compares it with an undisturbed one.

    stress.py stop BINARY --count 300      signals TERM, INT and USR1
    stress.py kill BINARY --count 1000     SIGKILL, with a checkpoint after every iteration
    stress.py soak BINARY --hours 2        all of it, with one and two processes in turn

Every process is interrupted at a moment of its own, between its start and its end; the next one resumes what is there.
When a training has come to its end in spite of that, its weights and optimizer must equal those of the undisturbed
training bit by bit; then the next training begins. Checked after every interruption:

- the exit status is that of the signal (128 + N, as a shell sees it), or 0 where the training was done already;
- a training that began to compute and was asked to stop says which checkpoint it wrote, and that one is the newest;
- every file with the name of a checkpoint is whole, and none that was there before is gone;
- the iteration of the newest checkpoint is never smaller than before.

Needs Python 3 alone. Works in a temporary folder, which is kept if something failed. The same seed draws the same
delays; what a delay meets depends on the machine. Ends with 1 if anything failed.
"""

import argparse
import collections
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

STOPS = [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1]
RUN_ID = re.compile(rb"(X\x03\x00\x00\x00run)X.\x00\x00\x00[0-9a-f]+-[0-9a-f]+")
SAYS_WRITTEN = re.compile(r"stopped; (\S+) is written")
CONFIG = Path(__file__).resolve().parents[2] / "tests/golden/public/tiny_config.yaml"

PAIRS = {
    "MODEL.WEIGHTS": "",
    "MODEL.BACKBONE.FREEZE_AT": 0,
    "MODEL.RESNETS.STEM_OUT_CHANNELS": 16,
    "MODEL.RESNETS.RES2_OUT_CHANNELS": 16,
    "MODEL.SeqFormer.NUM_CLASSES": 2,
    "MODEL.SeqFormer.HIDDEN_DIM": 32,
    "MODEL.SeqFormer.DIM_FEEDFORWARD": 32,
    "MODEL.SeqFormer.ENC_LAYERS": 1,
    "MODEL.SeqFormer.DEC_LAYERS": 1,
    "MODEL.SeqFormer.NUM_OBJECT_QUERIES": 5,
    "MODEL.SeqFormer.DROPOUT": 0.1,
    "INPUT.SAMPLING_FRAME_NUM": 1,
    "INPUT.MIN_SIZE_TRAIN": "(32,)",
    "DATASETS.TEST": "()",
    "DATALOADER.NUM_WORKERS": 1,
    "SOLVER.IMS_PER_BATCH": 2,
    "SEED": 5,
}


class Training:
    """One configuration: `processes` of them and a checkpoint every `period` iterations."""

    def __init__(self, options, folder, processes, period):
        self.options, self.folder, self.processes, self.period = options, folder, processes, period
        self.name = f"{processes}x{period}"
        # One thread: what is measured is the stop, and threads of several runs get in each other's way.
        self.environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}

    def output(self, name):
        """The folder of a run, in one of its own."""
        folder = self.folder / f"{name}_{self.name}"
        folder.mkdir()
        return folder / "output"

    def start(self, output, said):
        pairs = {
            **PAIRS,
            "DATASETS.TRAIN": [str(self.folder / "data/annotations/train.json")],
            "SOLVER.MAX_ITER": self.options.iterations,
            "SOLVER.STEPS": f"({self.options.iterations * 2 // 3},)",
            "SOLVER.CHECKPOINT_PERIOD": self.period,
            "OUTPUT_DIR": output.name,
        }
        words = [self.options.binary, "train", "--config-file", CONFIG, "--device", "cpu", "--resume"]
        words += ["--num-gpus", self.processes] if self.processes > 1 else []
        words += [word for pair in pairs.items() for word in pair]
        return subprocess.Popen(
            [str(word) for word in words],
            stdout=said,
            stderr=said,
            env=self.environment,
            # Checkpoints hold the configuration: its output folder has the same name in every run.
            cwd=output.parent,
            start_new_session=True,
        )

    def undisturbed(self):
        """Runs to the end: the final checkpoint, and how long it took."""
        output = self.output("undisturbed")
        begin = time.monotonic()
        with open(output.with_suffix(".txt"), "wb") as file:
            code = self.start(output, file).wait()
        if code != 0:
            sys.exit(f"the undisturbed training failed with {code}:\n{output.with_suffix('.txt').read_text()}")
        return state(output / "model_final.pth"), time.monotonic() - begin


def state(path):
    """All that a resumed training continues with: the bytes of every entry of the archive, by name.

    Without the word that tells one run from another: it is the only thing in a checkpoint that differs by intent.
    """
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename.split("/", 1)[-1]: archive.read(entry) for entry in archive.infolist()}
    entries["data.pkl"], found = RUN_ID.subn(rb"\1", entries["data.pkl"])
    if found != 1:
        sys.exit(f"{path}: {found} identifiers of runs, expected 1")
    return entries


def checkpoints(output):
    return {path.name for path in output.glob("model_*.pth")}


def last_checkpoint(output):
    path = output / "last_checkpoint"
    return path.read_text().strip() if path.exists() else None


def iteration(name, iterations):
    if name is None:
        return -1
    return iterations - 1 if name == "model_final.pth" else int(re.search(r"\d+", name).group())


class Stress:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.random = random.Random(options.seed)
        self.counts = collections.Counter()
        self.failures = []
        self.reported = time.monotonic()

    def fail(self, what):
        self.failures.append(what)
        print(f"FAILED: {what}", flush=True)

    def check_files(self, output, before, newest_before, what):
        """Every file with a final name is whole, none is lost, and the newest is no older than before."""
        now = checkpoints(output)
        if lost := before - now:
            self.fail(f"{what}: lost {sorted(lost)} in {output}")
        for name in sorted(now):
            try:
                with zipfile.ZipFile(output / name) as archive:
                    damaged = archive.testzip()
            except (OSError, zipfile.BadZipFile) as error:
                damaged = error
            self.counts["checkpoints read"] += 1
            if damaged is not None:
                self.fail(f"{what}: {output / name} is damaged: {damaged}")
        newest = last_checkpoint(output)
        if newest is not None and newest not in now:
            self.fail(f"{what}: last_checkpoint names {newest}, which is not in {output}")
        elif iteration(newest, self.options.iterations) < iteration(newest_before, self.options.iterations):
            self.fail(f"{what}: {newest} follows {newest_before} in {output}")

    def interrupt(self, training, output, stop, seconds):
        """Starts or resumes a training and sends `stop` after a random time; returns whether it is done."""
        before, newest_before = checkpoints(output), last_checkpoint(output)
        said_path = output.with_suffix(".txt")
        with open(said_path, "wb") as file:
            process = training.start(output, file)
        delay = self.random.uniform(0, seconds)
        to_group = stop == signal.SIGKILL or self.random.random() < 0.5
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            try:
                # A terminal sends its signals to all processes of the group.
                (os.killpg if to_group else os.kill)(process.pid, stop)
            except ProcessLookupError:
                pass
        try:
            code = process.wait(self.options.patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.fail(f"{stop.name} after {delay:.3f} s: no end within {self.options.patience} s in {output}")
            return False
        code = 128 - code if code < 0 else code
        said = said_path.read_text(errors="replace")
        what = f"{stop.name} after {delay:.3f} s, exit status {code}"
        self.counts[f"{stop.name}: exit status {code}"] += 1
        if code not in (0, 128 + stop):
            self.fail(f"{what}; it said:\n{said[-2000:]}")
        self.check_files(output, before, newest_before, what)
        is_done = (output / "model_final.pth").exists()
        if code == 0 and not is_done:
            self.fail(f"{what}, but {output} has no model_final.pth")
        if stop != signal.SIGKILL and not is_done and "training " in said:
            written = SAYS_WRITTEN.search(said)
            if written is None:
                # Between the announcement and the first iteration there may be nothing to write.
                self.counts[f"{stop.name}: no checkpoint announced"] += 1
                if re.search(r"iter: |iteration", said.split("training ", 1)[1].split("\n", 1)[-1]):
                    self.fail(f"{what}: computed, but announced no checkpoint in {output}")
            else:
                self.counts[f"{stop.name}: checkpoint written"] += 1
                if Path(written.group(1)).name != last_checkpoint(output):
                    self.fail(f"{what}: announced {written.group(1)}, newest is {last_checkpoint(output)}")
        return is_done

    def one_training(self, training, expected, seconds, stops, may_go_on):
        """Interrupts one training until it is done, and compares its end."""
        output = training.output(self.counts["trainings"])
        while may_go_on():
            if self.interrupt(training, output, self.random.choice(stops), seconds):
                break
            self.counts["interruptions"] += 1
            self.report()
        else:
            return
        self.counts["trainings"] += 1
        with open(output.with_suffix(".txt"), "wb") as file:
            code = training.start(output, file).wait()
        if code != 0:
            self.fail(f"{output}: going on with a finished training failed with {code}")
        found = state(output / "model_final.pth")
        if found == expected:
            self.counts["trainings equal to the undisturbed one"] += 1
            shutil.rmtree(output.parent)
        else:
            differing = [name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)]
            self.fail(f"{output}: {len(differing)} of {len(expected)} entries differ from the undisturbed training")

    def report(self, always=False):
        if always or time.monotonic() - self.reported > 60:
            self.reported = time.monotonic()
            print(json.dumps({**self.counts, "failures": len(self.failures)}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["stop", "kill", "soak"])
    parser.add_argument("binary", help="the command seqformer")
    parser.add_argument("--count", type=int, default=100, help="interruptions (stop, kill)")
    parser.add_argument("--hours", type=float, default=2, help="duration (soak)")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2], help="taken in turn")
    parser.add_argument("--iterations", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1, help="threads of each process")
    parser.add_argument("--patience", type=float, default=120, help="seconds that a stop may take")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to make the temporary folder")
    options = parser.parse_args()
    # Shells start background jobs with SIGINT ignored, and the trainings would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    options.binary = str(Path(options.binary).resolve())
    folder = Path(tempfile.mkdtemp(prefix="seqformer-stress-", dir=options.folder))
    words = ["--videos", "5", "--val-videos", "1", "--size", "32x32", "--frames", "2..3", "--classes", "2"]
    synth = [options.binary, "synth", "--output", folder / "data", *words, "--seed", "7"]
    subprocess.run(synth, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    stress = Stress(options, folder)
    stops = {"stop": STOPS, "kill": [signal.SIGKILL], "soak": [*STOPS, signal.SIGKILL]}[options.mode]
    periods = {"stop": [10], "kill": [1], "soak": [1, 10]}[options.mode]
    trainings = [Training(options, folder, count, period) for period in periods for count in options.processes]
    undisturbed = [training.undisturbed() for training in trainings]
    for training, (_, seconds) in zip(trainings, undisturbed):
        print(f"undisturbed, {training.processes} processes: {seconds:.2f} s", flush=True)
    begin = time.monotonic()

    def may_go_on():
        if options.mode == "soak":
            return time.monotonic() - begin < 3600 * options.hours
        return stress.counts["interruptions"] < options.count

    turn = 0
    while may_go_on():
        training, (expected, seconds) = trainings[turn % len(trainings)], undisturbed[turn % len(trainings)]
        stress.one_training(training, expected, seconds, stops, may_go_on)
        turn += 1
    stress.report(always=True)
    if stress.failures:
        print(f"{len(stress.failures)} failures; {folder} is kept", flush=True)
        sys.exit(1)
    shutil.rmtree(folder)
    print("no failures", flush=True)


if __name__ == "__main__":
    main()
