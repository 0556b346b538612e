#!/bin/sh
# Finds or installs what the build needs: libtorch, cmake, and an ffmpeg for video files. `setup.sh torchless` leaves
# libtorch out, for `make test-torchless`.
#
# Without an NVIDIA driver it installs what CPUs need alone. SEQFORMER_TORCH=cuda or SEQFORMER_TORCH=cpu decides otherwise.
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

stamp=.venv/seqformer-requirements
cpu_requirements=.deps/requirements-cpu.txt
# Packages of CUDA that libtorch_cpu.so of the torch of PyPI is linked against, although it runs without a GPU.
cuda_of_cpu='nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85'

# Whether .venv is whole, with these requirements.
is_installed() {
    [ -x .venv/bin/python ] && cmp -s "$1" "$stamp"
}

pip_install() {
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"
}

# Says what follows: requirements $1, gigabytes $2, time $3. Then makes the environment, if there is none.
begin_install() {
    echo "setup: installing into $PWD/.venv, once: $(grep -v '^#' "$1" | tr '\n' ' ')"
    echo "setup: this takes $2 GB of disk and $3"
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')
    [ "${free:-$2}" -ge "$2" ] || fail "$2 GB are needed in $PWD, and $free GB are free: make room and run this again"
    [ -x .venv/bin/python ] || python3 -m venv .venv ||
        fail "python3 cannot make virtual environments: install the venv package of your Python (python3-venv)"
}

# Makes .venv whole: a stamp with the requirements is written last, so a broken install is redone.
install_venv() {
    is_installed "$1" && return
    begin_install "$@"
    pip_install -r "$1" ||
        fail "pip could not install the packages of $1: check the network and run this again"
    cp "$1" "$stamp"
}

# The same with the torch for CPUs: that of PyTorch's own index where it answers, otherwise that of PyPI without the packages
# of CUDA that only GPUs need.
install_cpu_venv() {
    is_installed "$1" && return
    begin_install "$@"
    grep -Ev '^(torch|nvidia-.*)==' "$1" >.deps/requirements.txt
    pip_install -r .deps/requirements.txt ||
        fail "pip could not install the packages of .deps/requirements.txt: check the network and run this again"
    pip_install --no-deps --retries 0 --timeout 15 --index-url https://download.pytorch.org/whl/cpu \
        "torch==$torch_version" 2>/dev/null ||
        # shellcheck disable=SC2086  # two packages
        pip_install --no-deps "torch==$torch_version" $cuda_of_cpu ||
        fail "pip could not install torch $torch_version: check the network and run this again"
    cp "$1" "$stamp"
}

# Whether there is a driver for NVIDIA GPUs, also under WSL.
has_nvidia_driver() {
    [ -e /proc/driver/nvidia/version ] || [ -e /dev/nvidiactl ] || [ -e /usr/lib/wsl/lib/libcuda.so.1 ]
}

# Prints cpu or cuda. What is installed stays, because another libtorch means building everything again.
wanted_torch() {
    case ${SEQFORMER_TORCH:-} in
    cpu | cuda) echo "$SEQFORMER_TORCH" ;;
    '')
        if is_installed scripts/requirements.txt || has_nvidia_driver && ! is_installed "$cpu_requirements"; then
            echo cuda
        else
            echo cpu
        fi
        ;;
    *) fail "SEQFORMER_TORCH: expected cpu or cuda, found $SEQFORMER_TORCH" ;;
    esac
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
        install_venv .deps/requirements.txt 1 'a minute'
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
    install_venv .deps/requirements.txt 1 'a minute'
else
    grep -v '^\(#\|nvidia-\)' scripts/requirements.txt >$cpu_requirements
    torch=$(wanted_torch)
    if [ "$torch" = cuda ]; then
        # pip takes a torch for CPUs for the same version.
        is_installed $cpu_requirements && .venv/bin/python -m pip uninstall --quiet --yes torch
        install_venv scripts/requirements.txt 5 'about 12 minutes on a slow line'
    else
        if ! is_installed $cpu_requirements; then
            echo "setup: for CPUs only, as there is no NVIDIA driver; SEQFORMER_TORCH=cuda scripts/setup.sh also installs what GPUs need (5 GB)"
        elif has_nvidia_driver && [ -z "${SEQFORMER_TORCH:-}" ]; then
            echo "setup: .venv is for CPUs only; SEQFORMER_TORCH=cuda scripts/setup.sh also installs what the GPU of this machine needs (5 GB)"
        fi
        install_cpu_venv $cpu_requirements 2 'about 7 minutes on a slow line'
    fi
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
