#!/bin/sh
# Runs tests under tools that find what tests do not see. All parts, or those named:
#   scripts/sanitize.sh [address] [threads] [miri] [guard]
#
# address  AddressSanitizer over the unit tests of the crates without torch, the kernels' among them, and of those that call C++. A
#          nightly compiler is taken: the flag belongs to it, and the runtime comes with it. What is not Rust stays
#          uninstrumented (libtorch, libjpeg-turbo, the C++ shim: gcc's own runtime cannot be linked beside that of
#          rustc), so from there only the heap blocks themselves are watched.
# threads  ThreadSanitizer over what shares data between threads and needs no libtorch: tests/threads (work sharing,
#          ordered workers) and the loader of seqformer-data. With libtorch it cannot run: OpenMP's runtime is not
#          instrumented, and every parallel loop would be reported.
# miri     The same and seqformer-masks in Miri, where `cargo miri` is there.
# guard    The tests of the crates that link libtorch, with guard pages and canaries around all heap blocks
#          (scripts/memory/guard.c) and around large tensors (SEQFORMER_GUARD_POOL), with one and two threads.
set -u
cd "$(dirname "$0")/.."
toolchain=${SANITIZE_TOOLCHAIN:-nightly}
host=$(rustc -vV | sed -n 's/^host: //p')
failed=

report() { # NAME STATUS LOG
  if [ "$2" -eq 0 ]; then
    echo "$1: passed, $(grep -ac '^test .* ok$' "$3") tests"
  else
    failed="$failed $1"
    echo "$1: FAILED, see $3"
    grep -aE 'ERROR: |SUMMARY: |guard: a|guarded pool|^test .*FAILED|panicked at|^error' "$3" | head -10
  fi
}

have_nightly() {
  cargo "+$toolchain" --version >/dev/null 2>&1 && return
  echo "$1: skipped, it needs a nightly compiler: rustup toolchain install nightly"
  return 1
}

address() {
  have_nightly address || return 0
  for part in torch-free ops; do
    case $part in
      torch-free) packages="-p seqformer-kernels -p seqformer-files -p seqformer-masks -p seqformer-annotations -p seqformer-config -p seqformer-checkpoint -p seqformer-data -p seqformer-evaluation -p seqformer-logs -p seqformer-video" ;;
      ops) packages="-p seqformer-libtorch -p seqformer-cuda -p seqformer-distributed -p seqformer-ops" ;;
    esac
    log="target/sanitize-address-$part.log"
    # libtorch keeps what it allocates until the end of the process, and its containers are not annotated.
    ASAN_OPTIONS=detect_leaks=0:detect_container_overflow=0:allocator_may_return_null=1 RUSTFLAGS=-Zsanitizer=address \
      cargo "+$toolchain" test --locked --lib $packages --target "$host" --target-dir target/asan >"$log" 2>&1
    report "address, $part" $? "$log"
  done
}

threads() {
  have_nightly threads || return 0
  flags="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer"
  TSAN_OPTIONS="suppressions=$PWD/tests/threads/tsan.supp"
  export TSAN_OPTIONS
  log=target/sanitize-threads.log
  RUSTFLAGS=$flags cargo "+$toolchain" run --manifest-path tests/threads/Cargo.toml --target "$host" \
    --target-dir target/tsan >"$log" 2>&1
  report "threads, work sharing and ordered workers" $? "$log"
  log=target/sanitize-threads-loader.log
  RUSTFLAGS=$flags cargo "+$toolchain" test --locked --lib -p seqformer-data --target "$host" \
    --target-dir target/tsan loader >"$log" 2>&1
  report "threads, loader" $? "$log"
}

miri() {
  if ! cargo "+$toolchain" miri --version >/dev/null 2>&1; then
    echo "miri: skipped, it needs rustup component add miri rust-src --toolchain $toolchain"
    return 0
  fi
  log=target/sanitize-miri.log
  MIRIFLAGS=-Zmiri-disable-isolation PROPTEST_CASES=4 PROPTEST_MAX_SHRINK_ITERS=0 \
    cargo "+$toolchain" miri test --locked --lib -p seqformer-masks --target-dir target/miri >"$log" 2>&1 &&
    cargo "+$toolchain" miri run --manifest-path tests/threads/Cargo.toml --target-dir target/miri >>"$log" 2>&1
  report miri $? "$log"
}

guard() {
  mkdir -p target
  ${CC:-cc} -O2 -shared -fPIC scripts/memory/guard.c -o target/guard.so -ldl -lpthread || { failed="$failed guard"; return 0; }
  log=target/sanitize-guard-build.log
  cargo test --locked --no-run --lib --message-format=json -p seqformer-libtorch -p seqformer-cuda -p seqformer-distributed -p seqformer-ops -p seqformer \
    -p seqformer-engine >"$log" 2>&1 || { report "guard, build" 1 "$log"; return 0; }
  sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' "$log" | while read -r program; do
    name=$(basename "$program" | sed 's/-[0-9a-f]*$//')
    package=$(echo "$name" | tr _ -)
    for count in 1 2; do
      log="target/sanitize-guard-$name-$count.log"
      (cd "crates/$package" && OMP_NUM_THREADS=$count OMP_WAIT_POLICY=passive SEQFORMER_GUARD_POOL=1 GUARD_STATISTICS=1 \
        LD_PRELOAD="$OLDPWD/target/guard.so" "$program" --test-threads=1) >"$log" 2>&1
      echo "$name $count $? $log"
    done
  done >target/sanitize-guard.txt
  while read -r name count status log; do
    report "guard, $name with $count threads" "$status" "$log"
    grep -a '^guard: .*checks' "$log" | tail -1
  done <target/sanitize-guard.txt
}

[ $# -gt 0 ] || set -- address threads miri guard
mkdir -p target
for part in "$@"; do
  case $part in
    address | threads | miri | guard) "$part" ;;
    *) echo "no such part: $part; there are address, threads, miri and guard" >&2; exit 2 ;;
  esac
done
[ -z "$failed" ]
