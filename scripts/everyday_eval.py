#!/usr/bin/env python3
"""Scores a model on videos with one annotated object each, whatever its class: DAVIS 2016 for docs/recipes/everyday.md.

    scripts/everyday_eval.py --seqformer target/release/seqformer --weights output/everyday/model_final.pth \\
        --gt datasets/davis_2016/val.json --frames datasets/davis_2016/frames --output output/davis_eval

`predict` finds the objects (one class each), all classes become one, and `score` gives AP. J of a track is its mean IoU
with the object over the frames of the video (DAVIS: frames without either count as 1); a line for each video says J of
the best track, that of the best union of two tracks, and that of the track with the best score.
"""

import argparse
import itertools
import json
import pathlib
import subprocess


def decoded(segmentation):
    """Run lengths, as a list or as COCO's text, as the bits of a number."""
    counts = segmentation["counts"]
    if isinstance(counts, str):
        counts = from_text(counts)
    bits, position = 0, 0
    for index, count in enumerate(counts):
        if index % 2:
            bits |= ((1 << count) - 1) << position
        position += count
    return bits


def from_text(text):
    """COCO's compressed counts: five bits a character, and differences to the last but one from the third on."""
    counts, value, shift = [], 0, 0
    for character in text:
        code = ord(character) - 48
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            if code & 16:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value, shift = 0, 0
    return counts


def masks(segmentations):
    return [decoded(mask) if mask else 0 for mask in segmentations]


def mean_j(found, truth):
    def iou(a, b):
        either = (a | b).bit_count()
        return (a & b).bit_count() / either if either else 1.0

    return sum(map(iou, found, truth)) / len(truth)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seqformer", default="seqformer")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--gt", type=pathlib.Path, required=True)
    parser.add_argument("--frames", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True, help="a new folder")
    parser.add_argument("--apart", default="", help="videos whose mean is given apart, with commas")
    parser.add_argument("options", nargs="*", help="further words for `predict`, behind --")
    args = parser.parse_args()

    truth = json.loads(args.gt.read_text())
    folders = [args.frames / pathlib.PurePath(video["file_names"][0]).parent for video in truth["videos"]]
    args.output.mkdir(parents=True)
    found = args.output / "found"
    subprocess.run(
        [args.seqformer, "predict", "--weights", args.weights, "--output", found, "--no-overlay",
         *args.options, *folders, "MODEL.SeqFormer.MULTI_CLS_ON", "False"],
        check=True,
    )
    # `predict` numbers its videos from 1, in their order.
    ids = [video["id"] for video in truth["videos"]]
    results = json.loads((found / "results.json").read_text())
    for result in results:
        result["video_id"] = ids[result["video_id"] - 1]
        result["category_id"] = 1
    truth["categories"] = [{"id": 1, "name": "object"}]
    for annotation in truth["annotations"]:
        annotation["category_id"] = 1
    gt_path, results_path = args.output / "gt.json", args.output / "results.json"
    gt_path.write_text(json.dumps(truth))
    results_path.write_text(json.dumps(results))
    subprocess.run([args.seqformer, "score", "--gt", gt_path, "--results", results_path], check=True)

    apart = set(filter(None, args.apart.split(",")))
    columns = []
    for video, folder in zip(truth["videos"], folders):
        objects = [masks(a["segmentations"]) for a in truth["annotations"] if a["video_id"] == video["id"]]
        # DAVIS 2016 has one object a video; several are one foreground.
        goal = [0] * video["length"]
        for frames in objects:
            goal = [a | b for a, b in zip(goal, frames)]
        own = sorted((r for r in results if r["video_id"] == video["id"]), key=lambda r: -r["score"])
        tracks = [masks(result["segmentations"]) for result in own]
        each = [mean_j(track, goal) for track in tracks]
        pairs = itertools.combinations(tracks, 2)
        both = [mean_j([a | b for a, b in zip(*pair)], goal) for pair in pairs]
        row = [max(each, default=0.0), max(each + both, default=0.0), each[0] if each else 0.0]
        columns.append((folder.name, row))
        print(f"{folder.name:<20}" + "".join(f"{value:8.3f}" for value in row))
    for title, chosen in [("all", lambda name: True), ("apart", lambda name: name in apart),
                          ("the others", lambda name: name not in apart)]:
        rows = [row for name, row in columns if chosen(name)]
        if rows and (apart or title == "all"):
            means = [sum(values) / len(rows) for values in zip(*rows)]
            print(f"{title + f' ({len(rows)})':<20}" + "".join(f"{value:8.3f}" for value in means))


if __name__ == "__main__":
    main()
