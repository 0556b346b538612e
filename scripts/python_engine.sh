#!/bin/sh
# Builds what the Python package needs to predict and to train: `python_engine.sh PROFILE FOLDER [TORCH ...]` makes
# _engine_MAJOR_MINOR.abi3.so in FOLDER for the libtorch of .deps and for each TORCH, the folder of another installed torch,
# and _gpu_MAJOR_MINOR.so, which it opens for a GPU, if that torch has CUDA.
#
# The files name the libraries of torch and no folder: Python opens them after torch, whose libraries are then there already.
# PATCHELF is a program that removes the folder from the second one.
set -eu
cd "$(dirname "$0")/.."
profile=$1
folder=$2
shift 2
case $profile in
dev) built=debug ;;
*) built=$profile ;;
esac

fail() {
    echo "python_engine: $1" >&2
    exit 1
}

# Prints the major and minor version of the torch in folder $1.
version_of() {
    found=$(sed -n "s/^__version__ = '\([0-9]*\)\.\([0-9]*\)\..*/\1_\2/p" "$1/version.py" 2>/dev/null || true)
    [ -n "$found" ] || fail "$1: expected the folder of an installed torch, found no version.py there"
    echo "$found"
}

# Prints where the build script of seqformer-cuda put its library, from the messages of cargo; nothing without CUDA.
gpu_library() {
    python3 -c '
import json, sys
variables = [pair for line in sys.stdin for pair in json.loads(line).get("env", [])]
print(dict(variables).get("SEQFORMER_CUDA_LIBRARY", ""))'
}

# Fails if file $1 for version $2 needs something that matches $3.
check() {
    if readelf -d "$1" | grep -E "RPATH|RUNPATH|$3" >&2; then
        fail "$1 for torch $(echo "$2" | tr _ .) depends on what other machines do not have"
    fi
}

# Builds for version $1 in target folder $2, with the remaining arguments of cargo.
build() {
    version=$1
    target=$2
    shift 2
    # With the command's features, so that both share what they are built from.
    set -- build --locked --profile "$profile" --lib --package seqformer-python-engine --package seqformer-cli "$@"
    CARGO_TARGET_DIR=$target cargo "$@"
    check "$target/$built/lib_engine.so" "$version" 'libtorch_cuda|libpython'
    mkdir -p "$folder"
    strip -o "$folder/_engine_$version.abi3.so" "$target/$built/lib_engine.so"
    gpu=$(CARGO_TARGET_DIR=$target cargo "$@" --quiet --message-format json | gpu_library)
    if [ -n "$gpu" ]; then
        strip -o "$folder/_gpu_$version.so" "$gpu"
        "${PATCHELF:-patchelf}" --remove-rpath "$folder/_gpu_$version.so"
        check "$folder/_gpu_$version.so" "$version" 'libpython'
    fi
}

[ -e .deps/libtorch/version.py ] || fail "no libtorch in .deps: run make setup"
version=$(version_of .deps/libtorch)
build "$version" "${CARGO_TARGET_DIR:-target}"
for torch; do
    version=$(version_of "$torch")
    # In a folder of its own: cargo would build all again with every change of the libtorch.
    build "$version" "target/torch-$version" --config "env.LIBTORCH.value=\"$(cd "$torch" && pwd -P)\"" \
        --config env.LIBTORCH.relative=false --config env.LIBTORCH.force=true
done
