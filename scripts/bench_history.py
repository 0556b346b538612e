#!/usr/bin/env python3
"""Runs benches and adds what they print to a history, one JSON object a line, beside the lines of `seqformer bench --history`.

    scripts/bench_history.py FILE -- cargo bench --locked -p seqformer-ops

Each line has the time, the commit of the checkout, the processor, the name of the bench and its numbers, or its text where it
prints no JSON. Everything is printed as well, and the exit status is that of the command.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def commit():
    words = ["git", "-C", ROOT, "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(words, capture_output=True, text=True)
    return done.stdout.strip() or None


def processor():
    try:
        lines = open("/proc/cpuinfo").read().splitlines()
    except OSError:
        return None
    return next((line.split(":")[1].strip() for line in lines if line.startswith(("model name", "Model"))), None)


def check(path):
    """A history is a new file, or one whose first line is a line of a history."""
    if not path.exists():
        return
    try:
        with path.open() as file:
            first = file.readline()
        if not first or "unix_seconds" in json.loads(first):
            return
    except (OSError, ValueError, TypeError):
        pass
    sys.exit(f"bench_history: {path}: expected a new file or a history, found something else; name another file")


def measurements(lines):
    """(name of the bench, JSON object or text) of all that benches print."""
    name, open_object = None, []
    for line in lines:
        print(line, end="", flush=True)
        if started := re.match(r"\s*Running (?:benches|unittests)\S*?(\w+)\.rs \(", line):
            name, open_object = started[1], []
            continue
        if name is None or not line.strip() or line.startswith((" ", "\t")):
            continue
        open_object.append(line)
        try:
            yield name, json.loads("".join(open_object))
        except ValueError:
            # The rest of an object is on the next lines.
            if open_object[0].startswith("{"):
                continue
            yield name, {"text": line.strip()}
        open_object = []


def main():
    if len(sys.argv) < 4 or sys.argv[2] != "--":
        sys.exit(__doc__.strip())
    path, command = pathlib.Path(sys.argv[1]), sys.argv[3:]
    check(path)
    common = {"commit": commit(), "machine": {"cpu": processor(), "cores": len(os.sched_getaffinity(0))}}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for name, numbers in measurements(process.stdout):
            if not isinstance(numbers, dict):
                continue
            line = {"unix_seconds": int(time.time()), **common, "bench": name, **numbers}
            # A program that was ended may have left a part of a line.
            is_cut = path.exists() and not path.read_bytes().endswith(b"\n") and path.stat().st_size > 0
            with path.open("a") as file:
                file.write(("\n" if is_cut else "") + json.dumps(line) + "\n")
    sys.exit(process.returncode)


if __name__ == "__main__":
    main()
