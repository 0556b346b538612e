#!/bin/sh
# Builds the wheel of the Python package: `wheel.sh PROFILE FOLDER` with a profile of cargo. maturin comes from PyPI into an
# environment of its own, target/wheel/build.
set -eu
cd "$(dirname "$0")/.."
profile=${1:-release}
folder=${2:-$PWD/dist}
maturin=1.16.0
build=target/wheel/build

fail() {
    echo "wheel: $1" >&2
    exit 1
}

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
    fail "expected Python 3.10 or newer, found $("$python" --version 2>&1 || true); install it, or name one with PYTHON=…"
if [ "$(cat "$build/maturin-version" 2>/dev/null || true)" != "$maturin" ]; then
    rm -rf "$build"
    "$python" -m venv "$build" || fail "$python cannot make virtual environments: install its venv package"
    "$build/bin/pip" install --quiet --disable-pip-version-check "maturin==$maturin" ||
        fail "pip could not install maturin $maturin: check the network and run this again"
    echo "$maturin" >"$build/maturin-version"
fi

# The command without the network, beside the library and of the same profile.
cargo build --locked --profile "$profile" --package seqformer-cli --no-default-features --bin seqformer
case $profile in
dev) built=debug ;;
*) built=$profile ;;
esac
scripts=target/wheel/seqformer.data/scripts
mkdir -p "$scripts"
cp "${CARGO_TARGET_DIR:-target}/$built/seqformer" "$scripts/seqformer"
strip "$scripts/seqformer"

maturin=$PWD/$build/bin/maturin
cd python
exec "$maturin" build --locked --profile "$profile" --strip --interpreter "$python" --out "$folder"
