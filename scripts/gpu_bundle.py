#!/usr/bin/env python3
"""Packs what scripts/gpu_check.sh needs on a machine with a GPU and torch, but without Rust.

    scripts/gpu_bundle.py [--debug] [ARCHIVE]     target/seqformer-gpu-check.tar.xz by default

Builds the programs and the tests of the GPU path, strips them, and adds golden data and configurations. Fails if the
archive is larger than 40 MB.
"""

import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST = 40 * 10**6
NAME = "seqformer-gpu-check"
PACKAGES = ["seqformer-cli", "seqformer-parity", "seqformer-cuda", "seqformer-engine"]
PROGRAMS = ["seqformer", "seqformer-compute", "parity"]
TESTS = ["cuda_device", "cuda_kernels", "recording", "gpu"]
FOLDERS = {"configs": "configs", "tests/golden/public": "golden/public", "tests/golden/formula": "golden/formula"}


def fail(message):
    sys.exit(f"gpu_bundle: {message}")


def built(profile):
    """The messages of the build, one object each. It is one build, so that no crate is compiled twice."""
    command = ["cargo", "build", *profile, "--locked", "--message-format=json-render-diagnostics"]
    for option, names in [("-p", PACKAGES), ("--bin", PROGRAMS), ("--test", TESTS)]:
        command += [word for name in names for word in (option, name)]
    messages = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as cargo:
        for line in cargo.stdout:
            if not line.startswith("{"):
                continue
            messages.append(json.loads(line))
            missing = dict(messages[-1].get("env", [])).get("SEQFORMER_CUDA_MISSING")
            if missing is not None:
                # Known long before the end of the build.
                cargo.terminate()
                fail(f"there is no libseqformer_cuda: {missing} (SEQFORMER_TORCH=cuda make setup)")
    if cargo.returncode != 0:
        fail(f"{' '.join(command)}: exit code {cargo.returncode}")
    return messages


def programs(messages):
    """The files of the programs and tests, by name."""
    names = {*PROGRAMS, *TESTS}
    found = {
        message["target"]["name"]: Path(message["executable"])
        for message in messages
        if message["reason"] == "compiler-artifact" and message.get("executable") and message["target"]["name"] in names
    }
    for name in sorted(names - found.keys()):
        fail(f"cargo has built no program {name}")
    return found


def cuda_library(messages):
    """libseqformer_cuda, which the build script of seqformer-cuda makes."""
    variables = {name: value for message in messages for name, value in message.get("env", [])}
    if "SEQFORMER_CUDA_LIBRARY" not in variables:
        fail("seqformer-cuda has not told where libseqformer_cuda is")
    return Path(variables["SEQFORMER_CUDA_LIBRARY"])


def main():
    arguments = sys.argv[1:]
    profile = ["--release"]
    if "--debug" in arguments:
        arguments.remove("--debug")
        profile = []
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        sys.exit(__doc__.strip())
    archive = Path(arguments[0] if arguments else ROOT / "target" / f"{NAME}.tar.xz").absolute()
    folder = ROOT / "target" / NAME
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    messages = built(profile)
    library = cuda_library(messages)
    for name, path in programs(messages).items():
        shutil.copy2(path, folder / "bin" / name)
    shutil.copy2(library, folder / "bin" / library.name)
    for path in sorted((folder / "bin").iterdir()):
        subprocess.run(["strip", "--strip-all" if path.suffix != ".so" else "--strip-unneeded", path], check=True)
    for source, name in FOLDERS.items():
        shutil.copytree(ROOT / source, folder / name)
    shutil.copy2(ROOT / "scripts/gpu_check.sh", folder / "gpu_check.sh")
    unfinished = archive.with_name(archive.name + ".tmp")
    with tarfile.open(unfinished, "w:xz") as packed:
        packed.add(folder, NAME)
    size = unfinished.stat().st_size
    if size > MOST:
        unfinished.unlink()
        fail(f"{archive}: expected at most {MOST / 1e6:.0f} MB, found {size / 1e6:.1f} MB")
    unfinished.replace(archive)
    shutil.rmtree(folder)
    print(f"{archive}: {size / 1e6:.1f} MB. On the machine with the GPU: tar xf {archive.name} && {NAME}/gpu_check.sh")


if __name__ == "__main__":
    main()
