#!/usr/bin/env python3
"""Measures `seqformer data` on a large YouTube-VIS file: makes it, runs commands, and prints seconds and MiB.

    scripts/measure_data.py [--megabytes 500] [--program target/release/seqformer] [--commands convert,check]

The file has videos of 36 frames of 720x1280 pixels with run lengths of about 400 characters, as YouTube-VIS has them.
Exits with 1 if a command fails.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEIGHT, WIDTH, FRAMES = 720, 1280, 36


def compressed(counts):
    """COCO's text of run lengths."""
    text = []
    for index, count in enumerate(counts):
        value = count - (counts[index - 2] if index > 2 else 0)
        more = True
        while more:
            bits = value & 31
            value >>= 5
            more = value != (-1 if bits & 16 else 0)
            text.append(chr((bits | 32 if more else bits) + 48))
    return "".join(text)


def masks(chance):
    """The masks of an object that moves: columns of pixels of changing height."""
    columns = chance.randint(60, 120)
    left, top, height = chance.randint(0, WIDTH - 400), chance.randint(50, 250), chance.randint(50, 400)
    heights = [max(2, height + chance.randint(-9, 9)) for _ in range(columns)]
    for frame in range(FRAMES):
        if chance.random() < 0.1:
            yield None, None, None
            continue
        x = left + 5 * frame
        counts = [x * HEIGHT + top]
        for tall, following in zip(heights, heights[1:] + [None]):
            counts += [tall, HEIGHT - tall] if following else [tall, (WIDTH - x - columns) * HEIGHT + HEIGHT - top - tall]
        code = {"size": [HEIGHT, WIDTH], "counts": compressed(counts)}
        yield code, [float(x), float(top), float(columns), float(max(heights))], sum(heights)


def annotation(chance, number):
    codes, boxes, areas = (list(column) for column in zip(*masks(chance)))
    return json.dumps({
        "id": number, "video_id": (number + 2) // 3, "category_id": chance.randint(1, 40), "iscrowd": 0,
        "height": HEIGHT, "width": WIDTH, "length": FRAMES,
        "segmentations": codes, "bboxes": boxes, "areas": areas})


def make(path, megabytes):
    """Writes the file entry by entry: the memory of this program would count as that of the commands."""
    chance = random.Random(0)
    sample = sum(len(annotation(chance, number)) for number in range(20)) / 20
    count = max(1, round(megabytes * 1e6 / sample))
    with open(path, "w") as file:
        file.write('{"videos": [\n')
        for video in range(1, (count + 2) // 3 + 1):
            names = [f"{video:06}/{frame:05}.jpg" for frame in range(FRAMES)]
            entry = {"id": video, "height": HEIGHT, "width": WIDTH, "length": FRAMES, "file_names": names}
            file.write(("" if video == 1 else ",\n") + json.dumps(entry))
        categories = [{"id": number, "name": f"class {number}"} for number in range(1, 41)]
        file.write(f'],\n"categories": {json.dumps(categories)},\n"annotations": [\n')
        for number in range(1, count + 1):
            file.write(("" if number == 1 else ",\n") + annotation(chance, number))
        file.write("]}\n")


def run(arguments):
    """Seconds and peak MiB of a command; nothing if it fails."""
    start = time.monotonic()
    child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = child.stderr.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - start
    if status != 0:
        print(said, file=sys.stderr)
        return None
    return seconds, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=500)
    parser.add_argument("--program", default="target/release/seqformer")
    parser.add_argument("--commands", default="convert,check,fix,stats,split,subset")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "large.json", Path(folder) / "out"
        make(file, options.megabytes)
        size = file.stat().st_size / 1e6
        data = [options.program, "data"]
        commands = {
            "convert": ["convert", file, "--to", "ytvis", "--output", f"{out}.convert.json"],
            "check": ["check", file],
            "fix": ["check", file, "--fix", f"{out}.fix.json"],
            "stats": ["stats", file],
            "split": ["split", file, "--parts", "a=1,b=1", "--output", out],
            "subset": ["subset", file, "--every", "2", "--output", f"{out}.subset.json"],
        }
        good = True
        for name in options.commands.split(","):
            measured = run(data + commands[name])
            good &= measured is not None
            if measured:
                print(f"{name:8} {size:.0f} MB: {measured[0]:6.1f} s {measured[1]:7.0f} MiB")
        sys.exit(not good)


if __name__ == "__main__":
    main()
