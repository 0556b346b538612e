#!/bin/sh
# Runs every fuzz target, or those named, for FUZZ_SECONDS each, and says what each has done.
#   scripts/fuzz.sh [TARGET …]
# New inputs go to fuzz/corpus, findings to fuzz/artifacts; neither is committed.
set -eu
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-300}
toolchain=${FUZZ_TOOLCHAIN:-nightly}

if ! cargo fuzz --version >/dev/null 2>&1; then
  echo "fuzzing needs cargo-fuzz: cargo install cargo-fuzz --locked" >&2
  exit 1
fi
if ! cargo "+$toolchain" --version >/dev/null 2>&1; then
  echo "fuzzing needs a nightly compiler: rustup toolchain install nightly" >&2
  exit 1
fi

# Inputs become files for the readers that take a path: in memory, and deleted at the end.
[ -d /dev/shm ] && [ -w /dev/shm ] && TMPDIR=/dev/shm
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/seqformer-fuzz.XXXXXX")
export TMPDIR RAYON_NUM_THREADS=1
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT TERM

cargo "+$toolchain" fuzz build
[ $# -gt 0 ] || set -- $(cargo "+$toolchain" fuzz list)
failed=
for target in "$@"; do
  mkdir -p "fuzz/corpus/$target"
  seeds="fuzz/seeds/$target"
  length=4096
  dictionary=
  case $target in
    checkpoint) seeds="$seeds crates/seqformer-checkpoint/tests/fixtures" length=20000 dictionary=checkpoint ;;
    config | opts) seeds="$seeds configs" dictionary=yaml ;;
    annotations | formats | *results* | metrics | class_names) dictionary=json ;;
  esac
  log="fuzz/corpus/$target.log"
  set +e
  cargo "+$toolchain" fuzz run "$target" "fuzz/corpus/$target" $seeds -- \
    -max_total_time="$seconds" -max_len=$length -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
    ${dictionary:+-dict=fuzz/dictionaries/$dictionary.dict} >"$log" 2>&1
  status=$?
  set -e
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
  coverage=$(grep -ao 'cov: [0-9]* ft: [0-9]*' "$log" | tail -1)
  if [ "$status" -eq 0 ]; then
    echo "$target: ${runs:-?} executions, $coverage, nothing found"
  else
    failed="$failed $target"
    echo "$target: ${runs:-?} executions, $coverage, FOUND SOMETHING (status $status):"
    grep -aE 'panicked at|ERROR: |SUMMARY: |Test unit written' "$log" | head -5
    grep -a -A1 'panicked at' "$log" | sed -n 2p
  fi
done
[ -z "$failed" ] || { echo "findings in$failed; see fuzz/artifacts and fuzz/corpus/*.log" >&2; exit 1; }
