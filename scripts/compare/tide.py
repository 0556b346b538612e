#!/usr/bin/env python3
"""Compares `seqformer score --errors` with TIDE on random datasets of videos of one frame, where both mean the same.

It is no part of the tests. What it needs, in a Python of its own:

    python3 -m venv venv && venv/bin/pip install tidecv==1.0.1 pycocotools numpy
    venv/bin/python scripts/compare/tide.py --seqformer target/debug/seqformer

The kinds of all errors have to be equal. TIDE knows no errors of identity: datasets in which a result covers several
objects are left out, and counted. AP differs a little, because TIDE's recall points are k/100, and COCO's, which are ours,
are k*0.01: where a recall is such a number, one point of 101 may differ. What is gained is compared of the kinds whose
results are gone when they are mended. Of the others, TIDE mends for each object the best result with an error of any kind,
and we mend the best one of the kind in question.
"""

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from track_metrics import Maker, compressed

TOLERANCE = 0.01
GONE_WHEN_MENDED = ["both", "duplicate", "background"]
# Ours and TIDE's.
KINDS = {"class": "Cls", "localisation": "Loc", "both": "Both", "duplicate": "Dupe", "background": "Bkg", "missed": "Miss"}


def one_frame(dataset):
    """Makes a video of every frame, without what has no pixels in it."""
    truth, results = dataset
    videos, annotations, found = [], [], []
    number = 0
    for video in truth["videos"]:
        for t in range(video["length"]):
            number += 1
            videos.append(video | {"id": number, "length": 1, "file_names": [f"{number}/0.jpg"]})
            for tracks, to in [(truth["annotations"], annotations), (results, found)]:
                for track in tracks:
                    if track["video_id"] != video["id"]:
                        continue
                    code = track["segmentations"][t]
                    if code is not None:
                        entry = {key: value for key, value in track.items() if key not in ("areas", "bboxes")}
                        to.append(entry | {"video_id": number, "segmentations": [code]})
    for place, entry in enumerate(annotations):
        entry["id"] = place + 1
        entry["iscrowd"] = 0
    # TIDE averages over classes without annotations, too.
    with_truth = {entry["category_id"] for entry in annotations}
    found = [entry for entry in found if entry["category_id"] in with_truth]
    # Scores that are all different, so that the order is clear.
    order = np.random.default_rng(number).permutation(len(found))
    for entry, score in zip(found, order):
        entry["score"] = float(score + 1) / (len(found) + 1)
    return {
        "videos": videos,
        "categories": [category for category in truth["categories"] if category["id"] in with_truth],
        "annotations": annotations,
    }, found


def tide(dataset):
    """Counts of TIDE's kinds, AP, and what mending each kind gains."""
    from tidecv import TIDE, Data

    truth, found = dataset
    annotations, detections = Data("gt", max_dets=10000), Data("found", max_dets=10000)
    for data in (annotations, detections):
        for video in truth["videos"]:
            data.add_image(video["id"], str(video["id"]))
        for category in truth["categories"]:
            data.add_class(category["id"], category["name"])
    for entry in truth["annotations"]:
        code = compressed(entry["segmentations"][0])
        annotations.add_ground_truth(entry["video_id"], entry["category_id"], None, code)
    for entry in found:
        detections.add_detection(entry["video_id"], entry["category_id"], entry["score"], None, entry["segmentations"][0])
    with contextlib.redirect_stdout(io.StringIO()):
        run = TIDE().evaluate(annotations, detections, mode=TIDE.MASK)
        counts = {kind.short_name: count for kind, count in run.count_errors().items()}
        gains = {kind.short_name: gain / 100 for kind, gain in run.fix_main_errors().items()}
    return counts, run.ap / 100, gains


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seqformer", default="target/debug/seqformer", help="the command")
    parser.add_argument("--cases", type=int, default=200, help="how many datasets")
    options = parser.parse_args()
    num_left_out, num_errors, worst, worst_gain = 0, dict.fromkeys(KINDS, 0), 0.0, 0.0
    for seed in range(options.cases):
        dataset = one_frame(Maker(seed).dataset())
        if not dataset[0]["annotations"] or not dataset[1]:
            num_left_out += 1
            continue
        with tempfile.TemporaryDirectory() as folder:
            gt, results = Path(folder) / "gt.json", Path(folder) / "results.json"
            gt.write_text(json.dumps(dataset[0]))
            results.write_text(json.dumps(dataset[1]))
            command = [options.seqformer, "score", "--gt", gt, "--results", results, "--errors", "--json", "-"]
            done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"case {seed}: {done.stderr}")
        errors = json.loads(done.stdout)["errors"]
        if any(errors["kinds"][kind]["count"] for kind in ("switch", "fragment", "merge")):
            num_left_out += 1
            continue
        counts, ap, gains = tide(dataset)
        worst = max(worst, abs(errors["ap"] - ap))
        for ours, theirs in KINDS.items():
            found = errors["kinds"][ours]
            num_errors[ours] += found["count"]
            if found["count"] != counts[theirs]:
                sys.exit(f"case {seed}: {found['count']} errors of the kind {ours}, TIDE has {counts[theirs]}")
            if ours in GONE_WHEN_MENDED:
                # TIDE takes a gain below 0 for none.
                worst_gain = max(worst_gain, abs(max(found["gain"], 0) - gains[theirs]))
    print(f"equal counts: {num_errors}; {num_left_out} of {options.cases} datasets left out")
    print(f"largest difference of AP: {worst:.2e}, of what a kind gains: {worst_gain:.2e}")
    sys.exit(0 if max(worst, worst_gain) <= TOLERANCE else 1)


if __name__ == "__main__":
    main()
