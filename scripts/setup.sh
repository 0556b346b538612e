#!/bin/sh
# Finds or installs what the build needs: libtorch, cmake, and an ffmpeg for video files. `setup.sh torchless` leaves
# libtorch out, for `make test-torchless`.
#
# Leaves two links in .deps, which .cargo/config.toml points at, so that plain cargo commands work.
# Safe to run again; the second time it only looks. Nothing here needs root.
set -eu
cd "$(dirname "$0")/.."
torch_version=2.11.0

# Whether version $1 is one that the build accepts.
accepts() {
    case $1 in
    2.11.0 | 2.12.1) true ;;
    *) false ;;
    esac
}

fail() {
    echo "setup: $1" >&2
    exit 1
}

command -v cargo >/dev/null || fail "cargo is missing: install Rust from rustup.rs"
command -v c++ >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null ||
    fail "a C++ compiler is missing: install g++ or clang"
command -v make >/dev/null || fail "make is missing: install make"
command -v python3 >/dev/null || fail "python3 is missing: install Python 3.10 or newer"

# libjpeg-turbo takes its SIMD from assembly for NASM on x86; cmake finds the program by itself.
case $(uname -m) in
x86_64 | amd64 | i?86)
    command -v nasm >/dev/null ||
        echo "setup: nasm is missing, so JPEGs are decoded 2.8 times slower: install nasm (apt, dnf or brew) before building" >&2
    ;;
esac

# Prints the version of the libtorch in folder $1, or nothing.
version_of() {
    sed -n "s/^__version__ = '\([^'+]*\).*/\1/p" "$1/version.py" 2>/dev/null ||
        sed 's/+.*//' "$1/build-version" 2>/dev/null || true
}

# Prints the torch folder of interpreter $1 without importing torch, or nothing.
torch_of() {
    "$1" -c 'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s else "")' 2>/dev/null || true
}

# Makes .venv whole: a stamp with the requirements is written last, so a broken install is redone.
install_venv() {
    requirements=$1
    stamp=.venv/seqformer-requirements
    if [ -x .venv/bin/python ] && cmp -s "$requirements" "$stamp"; then
        return
    fi
    echo "setup: installing into .venv (some minutes, once): $(grep -v '^#' "$requirements" | tr '\n' ' ')"
    [ -x .venv/bin/python ] || python3 -m venv .venv ||
        fail "python3 cannot make virtual environments: install the venv package of your Python (python3-venv)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$requirements" ||
        fail "pip could not install the packages of $requirements: check the network and run this again"
    cp "$requirements" "$stamp"
}

# Changes a link only when it points elsewhere: its time would make cargo build again.
link() {
    [ "$(readlink "$2" 2>/dev/null)" = "$1" ] || ln -sfn "$1" "$2"
}

mkdir -p .deps
if [ "${1:-}" = torchless ]; then
    [ -x .deps/cmake ] && exit
    if ! [ -x .venv/bin/cmake ]; then
        grep -Ev '^(torch|nvidia-.*)==' scripts/requirements.txt >.deps/requirements.txt
        install_venv .deps/requirements.txt
    fi
    link ../.venv/bin/cmake .deps/cmake
    exit
fi

libtorch=
if [ -n "${LIBTORCH:-}" ] && accepts "$(version_of "$LIBTORCH")"; then
    libtorch=$LIBTORCH
elif ! grep -qs '^torch==' .venv/seqformer-requirements; then
    # An own install, once made, stays in use: another libtorch would mean building everything again.
    active=$(torch_of python3)
    if [ -n "$active" ] && accepts "$(version_of "$active")"; then
        libtorch=$active
    fi
fi

if [ -n "$libtorch" ]; then
    # Torch is there already; cmake and ffmpeg are small.
    grep -v '^torch==' scripts/requirements.txt >.deps/requirements.txt
    install_venv .deps/requirements.txt
else
    install_venv scripts/requirements.txt
    libtorch=$(torch_of .venv/bin/python)
    [ "$(version_of "$libtorch")" = $torch_version ] ||
        fail "the torch in .venv is not version $torch_version: delete .venv and run this again"
fi
[ -e "$libtorch/lib/libtorch_cpu.so" ] || fail "no lib/libtorch_cpu.so in $libtorch: this is not a complete libtorch"

case $libtorch in
"$PWD"/*) link "..${libtorch#"$PWD"}" .deps/libtorch ;;
*) link "$libtorch" .deps/libtorch ;;
esac
link ../.venv/bin/cmake .deps/cmake
