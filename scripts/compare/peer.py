#!/usr/bin/env python3
"""Times seqformer beside a PyTorch program for the same network, in alternating runs on one machine.

    scripts/compare/peer.py --peer FOLDER [--only PART,PART] [--pairs 5] [--threads N] [--isa avx2] [--busy N] [--json FILE]

FOLDER holds `bench.py`, which prints the seconds of `--task infer|clip|train` as `--style reference|optimised`, with `--bf16`
and `--compile` (torch.compile). Every form of it stays loaded and compiled while the runs alternate: one of seqformer, one of
each form, and again. A run during which other processes took more than 8 % of the machine is repeated, up to three times.
`--busy N` starts N processes that only compute; all runs then count. `--isa avx2` limits both programs to AVX2.

seqformer is `target/release/seqformer`, and for training the bench `training_step`, which is built if necessary; each of its
runs is the median of three steps in a new process, and each of the other program one step. Training has a ResNet-50 on frames
in memory, also in `train-small`. With AVX2, torch.compile still compiles its own C++ for this machine. The table has medians,
the smallest and the largest time, and how many times as long each form takes; --json also has the runs that were disturbed
three times, and a log beside it.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WHOLE = ["--frames", "10", "--height", "360", "--width", "640"]
CLIPS = ["--frames", "20", "--height", "360", "--width", "640", "--length", "5", "--stride", "1"]
TRAIN = ["--frames", "5", "--height", "320", "--width", "576"]
SMALL = ["--frames", "2", "--height", "240", "--width", "427"]
# Task, its sizes, clips a step.
PARTS = {"whole": ("infer", WHOLE, 1), "clips": ("clip", CLIPS, 1), "train": ("train", TRAIN, 1),
         "train-small": ("train", SMALL, 2)}
MOST_OF_OTHERS = 0.08
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "SEQFORMER_INSTRUCTION_SET": "avx2"}


def serve(folder, clips, arguments):
    """Runs `bench.py` with its own work, but times it whenever a line comes, and prints one JSON object a run."""
    sys.path.insert(0, folder)
    import bench

    timed, build = bench.timed, bench.build

    def build_for_clips(args):
        model = build(args)
        losses = model.losses
        model.losses = lambda frames, targets: losses(frames * clips, targets * clips)
        return model

    def on_demand(call, args, model=None):
        for _ in range(args.warmup):
            call()
        print(json.dumps({"ready": True}), file=answers, flush=True)
        args.warmup, args.runs = 0, 1
        runs = []
        for _line in sys.stdin:
            runs += timed(call, args, model)
            print(json.dumps({key: runs[-1][key] for key in ("seconds", "others")}), file=answers, flush=True)
        return runs

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What the program prints itself is not an answer.
    bench.timed, bench.build = on_demand, build_for_clips
    sys.argv = ["bench.py", *arguments]
    bench.main()


class Peer:
    """One form of the PyTorch program, loaded and warm."""

    def __init__(self, name, folder, clips, arguments, environment, log):
        self.name = name
        command = [sys.executable, __file__, "--serve", folder, str(clips), *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                                        env=os.environ | environment)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"peer: {self.name} ended; its messages are in the log")
        return json.loads(line)

    def run(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.answer()
        return answer["seconds"], answer["others"]

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def ticks():
    values = [int(text) for text in open("/proc/stat").readline().split()[1:9]]
    return sum(values), sum(values) - values[3] - values[4]


def output_of(command, environment, log):
    """What a command prints, and the share of the machine that other processes took meanwhile."""
    children = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    (total, busy), own = ticks(), children()
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, stderr=log, text=True)
    if done.returncode != 0:
        raise SystemExit(f"peer: {' '.join(map(str, command))} failed")
    (total, busy), own = [end - start for start, end in zip((total, busy), ticks())], children() - own
    hertz = os.sysconf("SC_CLK_TCK")
    return done.stdout, max(0.0, (busy / hertz - own) / (total / hertz)) if total else 0.0


def training_bench():
    """The program of the bench `training_step`."""
    command = ["cargo", "bench", "--locked", "--workspace", "--bench", "training_step", "--no-run",
               "--message-format", "json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    found = [message.get("executable") for message in map(json.loads, lines)]
    return [path for path in found if path and pathlib.Path(path).name.startswith("training_step-")][-1]


def ours(part, precision, threads):
    """The command of seqformer for a part, and how its seconds are found in what it prints."""
    task, sizes, clips = PARTS[part]
    of = dict(zip(sizes[::2], sizes[1::2]))
    if task == "train":
        command = [training_bench(), "--clips", str(clips), of["--frames"], of["--height"], of["--width"]]
        command += ["SOLVER.AMP.ENABLED", str(precision == "bf16")]
        return command, lambda report: report["step_secs"]
    command = [ROOT / "target/release/seqformer", "bench", "--model-only", "--device", "cpu", "--backbone", "r50",
               "--precision", precision, "--threads", str(threads), "--frames", of["--frames"],
               "--size", f"{of['--width']}x{of['--height']}", "--runs", "1", "--json", "-"]
    if task == "clip":
        command += ["--mode", "clip", "--clip-length", of["--length"], "--clip-stride", of["--stride"]]
    return command, lambda report: report["model"]["seconds_median"]


def measure(part, precision, args, log):
    """The seconds of all runs by the name of the program, and how many of them were disturbed."""
    task, sizes, clips = PARTS[part]
    environment = {"OMP_NUM_THREADS": str(args.threads)} | (AVX2 if args.isa == "avx2" else {})
    forms = {"optimised": [], "compiled": ["--compile"]}
    common = ["--task", task, *sizes, "--threads", str(args.threads)] + (["--bf16"] if precision == "bf16" else [])
    peers = [Peer(name, args.peer, clips, [*common, "--style", "optimised", *options], environment, log)
             for name, options in forms.items() if name in args.forms]
    if "reference" in args.forms and precision == "f32":
        peers.append(Peer("reference", args.peer, clips, [*common, "--style", "reference"], environment, log))
    command, seconds_of = ours(part, precision, args.threads)

    def run_ours():
        text, others = output_of(command, environment, log)
        return seconds_of(json.loads(text)), others

    runs = {"seqformer": run_ours} | {peer.name: peer.run for peer in peers}
    times, disturbed = {name: [] for name in runs}, {name: 0 for name in runs}
    for _pair in range(args.pairs):
        for name, run in runs.items():
            for attempt in range(3):
                seconds, others = run()
                if args.busy or others <= MOST_OF_OTHERS or attempt == 2:
                    break
                print(f"{part} {precision} {name}: others took {others:.0%}, repeated", file=sys.stderr)
            if not args.busy and others > MOST_OF_OTHERS:
                print(f"{part} {precision} {name}: counted although others took {others:.0%}", file=sys.stderr)
                disturbed[name] += 1
            times[name].append(seconds)
    for peer in peers:
        peer.end()
    return times, disturbed


def row(part, precision, times):
    """A line of the table: how long seqformer takes, and how many times as long each form of the peer."""
    median = {name: statistics.median(seconds) for name, seconds in times.items()}
    cells = [f"{part}, {precision}"]
    for name, seconds in times.items():
        ratio = "" if name == "seqformer" else f" = **{median[name] / median['seqformer']:.2f}** times"
        cells.append(f"{name} {median[name]:.3g} ({min(seconds):.3g} to {max(seconds):.3g}){ratio}")
    return "| " + " | ".join(cells) + " |"


def main():
    if sys.argv[1:2] == ["--serve"]:
        return serve(sys.argv[2], int(sys.argv[3]), sys.argv[4:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", required=True, help="the folder of bench.py")
    parser.add_argument("--only", help="parts as NAME-PRECISION with commas, as whole-f32,train-small-bf16 [default: all]")
    parser.add_argument("--forms", default="optimised,compiled", help="of reference, optimised and compiled")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--isa", choices=["best", "avx2"], default="best")
    parser.add_argument("--busy", type=int, default=0, help="processes that compute beside all runs")
    parser.add_argument("--json", type=pathlib.Path, help="a new file for all times")
    args = parser.parse_args()
    args.forms = set(args.forms.split(","))
    if args.json and args.json.exists():
        parser.error(f"--json: {args.json} exists; name another file")
    known = [f"{part}-{precision}" for part in PARTS for precision in ("f32", "bf16")]
    chosen = args.only.split(",") if args.only else known
    if unknown := [name for name in chosen if name not in known]:
        parser.error(f"--only: expected some of {', '.join(known)}, found {', '.join(unknown)}")
    processor = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    print(f"{processor}, {args.threads} threads, {args.isa} instructions, {args.busy} busy processes, "
          f"{time.strftime('%Y-%m-%d')}; seconds, median of {args.pairs} (smallest to largest)\n", flush=True)
    spin = [sys.executable, "-c", "while True: pass"]
    load = [subprocess.Popen(spin) for _ in range(args.busy)]
    results = {}
    try:
        for name in chosen:
            part, precision = name.rsplit("-", 1)
            with open(os.devnull if not args.json else args.json.with_suffix(".log"), "a") as log:
                times, disturbed = measure(part, precision, args, log)
            results[name] = {"seconds": times, "disturbed": disturbed}
            print(row(part, precision, times), flush=True)
            if args.json:
                setting = {"processor": processor, "threads": args.threads, "isa": args.isa, "busy": args.busy}
                args.json.write_text(json.dumps({"setting": setting, "parts": results}, indent=1))
    finally:
        for process in load:
            process.kill()


if __name__ == "__main__":
    main()
