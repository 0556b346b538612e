#!/bin/sh
# Runs everything that needs an NVIDIA GPU, in at most ten minutes: programs load, kernels, numbers, speed, training, little
# memory, and compute-sanitizer where it is installed. docs/gpu.md describes the steps.
#
#     gpu_check.sh [FOLDER]        the folder, gpu-check by default, must not exist
#
# Run it in the folder that `make gpu-bundle` packs, with a Python that has torch 2.11 (PYTHON=...); no Rust is needed.
# Writes FOLDER/gpu_check.json and FOLDER/gpu_check.log. Exits with 0 if every step passed and nothing fell back to a
# slower way, with 3 if there is no GPU, and with 1 otherwise.
set -u
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-gpu-check}
python=${PYTHON:-python3}
limit=${LIMIT:-600}
peer=${PEER:-$here/peer/bench.py}
start=$(date +%s)

fail() {
    echo "gpu_check: $1" >&2
    exit 1
}

[ -x "$here/bin/seqformer" ] || fail "$here/bin/seqformer: expected the programs that \`make gpu-bundle\` packs beside this script"
torch=$("$python" -c 'import os, torch; print(os.path.dirname(torch.__file__))' 2>/dev/null) ||
    fail "$python cannot import torch: install torch 2.11, or name an interpreter that has it with PYTHON=..."
version=$("$python" -c 'import torch; print(torch.__version__)')
case $version in
2.11.*) ;;
*) fail "$python has torch $version: install torch 2.11, or name an interpreter that has it with PYTHON=..." ;;
esac
mkdir "$out" 2>/dev/null || fail "$out: expected a folder that does not exist yet and can be made; name another one"
out=$(cd "$out" && pwd)
log=$out/gpu_check.log
work=$out/work
mkdir "$work"
: >"$log"
: >"$work/steps"
LD_LIBRARY_PATH=$torch/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
# Only what this run compiles is tested.
XDG_CACHE_HOME=$work/cache
SEQFORMER_GOLDEN=$here/golden
export LD_LIBRARY_PATH XDG_CACHE_HOME SEQFORMER_GOLDEN

say() {
    echo "$1"
    echo "$1" >>"$log"
}

# Notes what came of a step: name, outcome, seconds, reason.
note() {
    printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" >>"$work/steps"
    say "$(printf '%-22s %-8s %5s s  %s' "$1" "$2" "$3" "$4")"
}

# step NAME SECONDS COMMAND...: runs a command for at most so long, and no longer than the whole may take.
step() {
    name=$1 most=$2
    shift 2
    begun=$(date +%s)
    left=$((limit - (begun - start)))
    if [ "$left" -lt 5 ]; then
        note "$name" skipped 0 "the time is over"
        return 1
    fi
    [ "$most" -gt "$left" ] && most=$left
    echo "== $name: $*" >>"$log"
    timeout -k 5 "$most" "$@" >"$work/output" 2>&1
    code=$?
    cat "$work/output" >>"$log"
    secs=$(($(date +%s) - begun))
    case $code in
    0) note "$name" ok "$secs" "" ;;
    124 | 137) note "$name" failed "$secs" "not done after $most s" ;;
    *) note "$name" failed "$secs" "exit code $code: $(grep -v '^ *$' "$work/output" | tail -n 1 | cut -c 1-200)" ;;
    esac
    return "$code"
}

finish() {
    "$python" - "$out" "$torch" "$1" <<'PYTHON'
import json, os, re, subprocess, sys
from pathlib import Path

out, torch_folder, has_gpu = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "yes"
log = (out / "gpu_check.log").read_text(errors="replace")
report = {"has_gpu": has_gpu, "torch": None, "gpu": None, "steps": [], "bench": {}, "training": {}, "fallbacks": []}
import torch
report["torch"] = {"version": torch.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
if has_gpu:
    card = torch.cuda.get_device_properties(0)
    report["gpu"] = {"name": card.name, "capability": f"{card.major}.{card.minor}", "memory_mib": card.total_memory >> 20}
for line in (out / "work/steps").read_text().splitlines():
    name, outcome, seconds, reason = line.split("\t")
    report["steps"].append({"name": name, "outcome": outcome, "seconds": int(seconds), "reason": reason})
fallbacks = set()
for file in sorted((out / "work").glob("bench_*.json")):
    try:
        found = json.loads(file.read_text())
    except ValueError:
        continue
    report["bench"][file.stem.removeprefix("bench_")] = found
    fallbacks.update(found.get("fallbacks", []))
    if found.get("graphs") == 0:
        fallbacks.add(f"{file.stem}: no CUDA graph was recorded")
for file in sorted((out / "work").glob("train_*/metrics.json")):
    records = [json.loads(line) for line in file.read_text().splitlines() if line.strip()]
    if records:
        keys = ("iteration", "optimized_loss", "total_loss", "time", "data_time")
        report["training"][file.parent.name] = {key: records[-1][key] for key in keys if key in records[-1]}
words = r"falling back to plain tensor operations|as plain tensor operations|runs without one|copied to the GPU synchronously"
for line in log.splitlines():
    if line.startswith("fallback: ") or re.search(words, line):
        fallbacks.add(re.sub(r"^.*?(?:WARN|fallback:)\s*", "", re.sub(r"\x1b\[[0-9;]*m", "", line)))
report["fallbacks"] = sorted(fallbacks)
counted = re.findall(r"^parity: (\d+) of (\d+) ok$", log, re.M)
report["parity"] = [{"ok": int(ok), "compared": int(of)} for ok, of in counted]
path = out / "gpu_check.json"
path.write_text(json.dumps(report, indent=1) + "\n")
print(f"\n{'Fell back to a slower way:' if fallbacks else 'Nothing fell back to a slower way.'}" if has_gpu else "")
for text in report["fallbacks"]:
    print(f"  {text}")
print(f"{path}\n{out / 'gpu_check.log'}")
is_good = has_gpu and not fallbacks and all(step["outcome"] == "ok" or step["reason"].startswith("optional") for step in report["steps"])
sys.exit(0 if is_good else 1)
PYTHON
    code=$?
    rm -rf "$work"
    exit "${2:-$code}"
}

say "torch: $version, $torch"
nvidia-smi >>"$log" 2>&1
has_gpu=$("$python" -c 'import torch; print("yes" if torch.cuda.is_available() else "no")' 2>>"$log")

seqformer=$here/bin/seqformer
step "loads: seqformer" 20 "$seqformer" --version
step "loads: libraries" 30 sh -c "! ldd '$here'/bin/* 2>&1 | grep 'not found'"
if [ "$has_gpu" != yes ]; then
    step "loads: CUDA part" 60 "$here/bin/cuda_device"
    say "There is no GPU here that torch can use: nothing else was checked."
    finish no 3
fi
say "gpu: $("$python" -c 'import torch; c = torch.cuda.get_device_properties(0); print(c.name, f"{c.major}.{c.minor}")')"

step "loads: CUDA part" 60 "$here/bin/cuda_device"
step "kernels" 90 "$here/bin/cuda_kernels" --nocapture
step "failed recordings" 60 "$here/bin/recording" on_a_gpu
step "CPU against GPU" 120 "$here/bin/gpu" --nocapture
step "parity" 120 "$here/bin/parity" --device cuda "$here/golden/public" "$here/golden/formula"
for precision in f32 tf32 bf16; do
    step "bench $precision" 60 "$seqformer" bench --device cuda --model-only --frames 36 --runs 5 \
        --precision $precision --json "$work/bench_$precision.json"
done
step "bench clips" 60 "$seqformer" bench --device cuda --model-only --mode clip --frames 20 --clip-length 5 \
    --clip-stride 1 --runs 3 --precision bf16 --json "$work/bench_clips.json"
step "little memory" 60 "$seqformer" bench --device cuda --model-only --frames 36 --runs 1 --max-memory 1500MiB \
    --json "$work/bench_little_memory.json"
if [ -f "$peer" ]; then
    step "PyTorch" 90 "$python" "$peer" --task infer --device cuda --style optimised --frames 36 --height 360 \
        --width 640 --runs 3
else
    note "PyTorch" skipped 0 "optional: $peer is not there"
fi
step "data" 30 "$seqformer" synth --output "$work/data" --videos 40 --val-videos 2 --size 192x192 --seed 1
for amp in False True; do
    case $amp in False) precision=f32 ;; *) precision=bf16 ;; esac
    step "training $precision" 90 "$seqformer" train --config-file "$here/configs/synth_small.yaml" --device cuda \
        MODEL.WEIGHTS "" DATASETS.TRAIN "['$work/data/annotations/train.json']" DATASETS.TEST "[]" \
        SOLVER.MAX_ITER 60 TEST.EVAL_PERIOD 0 SOLVER.AMP.ENABLED $amp OUTPUT_DIR "$work/train_$precision"
    rm -f "$work/train_$precision"/*.pth
done
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
if [ -n "$sanitizer" ]; then
    step "compute-sanitizer" 120 "$sanitizer" --error-exitcode 9 "$here/bin/cuda_kernels"
else
    note "compute-sanitizer" skipped 0 "optional: it is not installed"
fi
finish yes
