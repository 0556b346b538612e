#!/bin/sh
# Builds what the Python package needs to predict and to train: `python_engine.sh PROFILE FOLDER [TORCH ...]` makes
# _engine_MAJOR_MINOR.abi3.so in FOLDER for the libtorch of .deps and for each TORCH, the folder of another installed torch.
#
# The file names the libraries of torch and no folder: Python opens it after torch, whose libraries are then there already.
set -eu
cd "$(dirname "$0")/.."
profile=$1
folder=$2
shift 2

fail() {
    echo "python_engine: $1" >&2
    exit 1
}

# Builds for the libtorch in folder $1, in target folder $2.
build() {
    version=$(sed -n "s/^__version__ = '\([0-9]*\)\.\([0-9]*\)\..*/\1_\2/p" "$1/version.py" 2>/dev/null)
    [ -n "$version" ] || fail "$1: expected the folder of an installed torch, found no version.py there"
    torch=$(cd "$1" && pwd -P)
    # With the command's features, so that both share what they are built from.
    CARGO_TARGET_DIR=$2 cargo build --locked --profile "$profile" --lib --package seqformer-python-engine \
        --package seqformer-cli ${3:+--config "env.LIBTORCH={value=\"$torch\",relative=false,force=true}"}
    case $profile in
    dev) built=debug ;;
    *) built=$profile ;;
    esac
    if readelf -d "$2/$built/lib_engine.so" | grep -E 'RPATH|RUNPATH|libtorch_cuda|libpython' >&2; then
        fail "the engine for torch $(echo "$version" | tr _ .) depends on what other machines do not have"
    fi
    mkdir -p "$folder"
    strip -o "$folder/_engine_$version.abi3.so" "$2/$built/lib_engine.so"
}

[ -e .deps/libtorch/version.py ] || fail "no libtorch in .deps: run make setup"
build .deps/libtorch "${CARGO_TARGET_DIR:-target}"
for torch; do
    build "$torch" "target/torch-$(sed -n "s/^__version__ = '\([0-9]*\.[0-9]*\)\..*/\1/p" "$torch/version.py")" other
done
