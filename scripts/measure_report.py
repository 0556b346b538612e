#!/usr/bin/env python3
"""Measures `seqformer report` on a large dataset: makes it, builds the report, and times its pages in Chromium.

    scripts/measure_report.py [--videos 500] [--program target/release/seqformer] [--chromium .deps/chromium/chromium]

Every video has 36 frames of 720x1280 pixels, 3 annotated objects and 4 results: 113,000 masks in 500 videos. Prints
seconds and peak MiB of the report, its size, and for each page the milliseconds until it is loaded and first painted.
Exits with 1 if the report fails.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from measure_data import FRAMES, HEIGHT, WIDTH, annotation, run

NUM_CLASSES = 40
PAGES = ["index.html", "classes.html", "videos.html", "errors.html", "player.html"]


def make(folder, num_videos):
    """Writes annotations and results, and returns their paths and the number of masks."""
    chance = random.Random(0)
    videos, annotations, results = [], [], []
    for video in range(1, num_videos + 1):
        names = [f"{video:06}/{frame:05}.jpg" for frame in range(FRAMES)]
        videos.append({"id": video, "height": HEIGHT, "width": WIDTH, "length": FRAMES, "file_names": names})
        objects = [json.loads(annotation(chance, 3 * video - 2 + number)) for number in range(3)]
        annotations += objects
        # Found with the right class or another one, a frame late now and then, and something where there is nothing.
        nothing = json.loads(annotation(chance, 3 * video))
        for found in [*objects, nothing]:
            masks = found["segmentations"]
            late = chance.random() < 0.2
            results.append({
                "video_id": video,
                "category_id": found["category_id"] if chance.random() < 0.7 else chance.randint(1, NUM_CLASSES),
                "score": round(chance.uniform(0.0 if found is nothing else 0.2, 1.0), 4),
                "segmentations": [None, *masks[:-1]] if late else masks,
            })
    categories = [{"id": number, "name": f"class {number}"} for number in range(1, NUM_CLASSES + 1)]
    gt, found = folder / "gt.json", folder / "results.json"
    gt.write_text(json.dumps({"videos": videos, "categories": categories, "annotations": annotations}))
    found.write_text(json.dumps(results))
    tracks = [entry["segmentations"] for entry in annotations + results]
    return gt, found, sum(mask is not None for masks in tracks for mask in masks)


class Browser:
    """Chromium, driven over the pipe of its DevTools protocol."""

    def __init__(self, program, profile):
        shell = 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1'
        flags = ["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command = ["sh", "-c", shell, "sh", program, *flags, f"--user-data-dir={profile}"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.session, self.next_id = {}, 0
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = {"sessionId": attached["sessionId"]}

    def call(self, method, **parameters):
        self.next_id += 1
        message = {"id": self.next_id, "method": method, "params": parameters, **self.session}
        self.process.stdin.write(json.dumps(message).encode() + b"\0")
        self.process.stdin.flush()
        while True:
            answer = self.receive()
            if answer.get("id") == self.next_id:
                return answer["result"]

    def receive(self):
        text = bytearray()
        while (byte := self.process.stdout.read(1)) != b"\0":
            if not byte:
                sys.exit("the browser has ended")
            text += byte
        return json.loads(text)

    def value(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return answer["result"].get("value")

    def load(self, page):
        """Milliseconds until a page is loaded, and until something is painted."""
        self.call("Page.navigate", url=page.as_uri())
        return self.value("""new Promise((done) => {
            const look = () => {
                const [page] = performance.getEntriesByType('navigation');
                const [paint] = performance.getEntriesByName('first-contentful-paint');
                if (location.protocol === 'file:' && page.loadEventEnd && paint) {
                    done([page.loadEventEnd, paint.startTime]);
                } else {
                    setTimeout(look, 20);
                }
            };
            look();
        })""")

    def close(self):
        self.process.terminate()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=500)
    parser.add_argument("--program", default="target/release/seqformer")
    parser.add_argument("--chromium", default=".deps/chromium/chromium")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        gt, results, num_masks = make(folder, options.videos)
        report = folder / "report"
        measured = run([options.program, "report", "--gt", gt, "--results", results, "--output", report])
        if not measured:
            sys.exit(1)
        size = sum(path.stat().st_size for path in report.rglob("*") if path.is_file()) / 1e6
        print(f"{options.videos} videos, {num_masks} masks: {measured[0]:.1f} s, {measured[1]:.0f} MiB, {size:.0f} MB")
        browser = Browser(options.chromium, folder / "profile")
        # The first start of the browser is no part of a page.
        browser.load(report / PAGES[0])
        for page in PAGES:
            loads = sorted(browser.load(report / page) for _ in range(5))
            loaded, painted = loads[2]
            print(f"{page:14} {(report / page).stat().st_size / 1e3:5.0f} kB: {loaded:4.0f} ms, painted at {painted:4.0f} ms")
        browser.close()


if __name__ == "__main__":
    main()
