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

# Builds for version $1 in target folder $2, with the remaining arguments of cargo.
build() {
    version=$1
    target=$2
    shift 2
    # With the command's features, so that both share what they are built from.
    CARGO_TARGET_DIR=$target cargo build --locked --profile "$profile" --lib --package seqformer-python-engine \
        --package seqformer-cli "$@"
    if readelf -d "$target/$built/lib_engine.so" | grep -E 'RPATH|RUNPATH|libtorch_cuda|libpython' >&2; then
        fail "the engine for torch $(echo "$version" | tr _ .) depends on what other machines do not have"
    fi
    mkdir -p "$folder"
    strip -o "$folder/_engine_$version.abi3.so" "$target/$built/lib_engine.so"
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
