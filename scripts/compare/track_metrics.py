#!/usr/bin/env python3
"""Compares `seqformer score --metrics` with TrackEval, the DAVIS evaluation and TETA's own code on random datasets.

It is no part of the tests. What it needs, in a Python of its own:

    python3 -m venv venv && venv/bin/pip install trackeval==1.3.0 pycocotools numpy scipy opencv-python scikit-image tqdm pandas
    git clone https://github.com/davisvideochallenge/davis2017-evaluation
    git clone https://github.com/SysCV/tet

    venv/bin/python scripts/compare/track_metrics.py --seqformer target/debug/seqformer \\
        --davis davis2017-evaluation --teta tet/teta

Prints the largest difference of every number, and fails if one is above 1e-9. `--dataset GT RESULTS` compares these files
instead. `--golden FILE` also writes a few of the datasets with the numbers of the official tools, for the tests of
seqformer-metrics.
"""

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
from pycocotools import mask as mask_utils

TOLERANCE = 1e-9
MAX_PROPOSALS = 20
HOTA_CURVES = ["HOTA", "DetA", "AssA", "DetRe", "DetPr", "AssRe", "AssPr", "LocA", "OWTA", "HOTA_TP", "HOTA_FN", "HOTA_FP"]
HOTA_NUMBERS = ["HOTA(0)", "LocA(0)", "HOTALocA(0)"]
# Ours and TrackEval's.
CLEAR = {
    "sMOTSA": "sMOTA", "MOTSA": "MOTA", "MOTSP": "MOTP", "MODSA": "MODA", "Re": "CLR_Re", "Pr": "CLR_Pr", "MTR": "MTR",
    "PTR": "PTR", "MLR": "MLR", "TP": "CLR_TP", "FN": "CLR_FN", "FP": "CLR_FP", "IDSW": "IDSW", "Frag": "Frag", "MT": "MT",
    "PT": "PT", "ML": "ML",
}
IDENTITY = ["IDF1", "IDP", "IDR", "IDTP", "IDFN", "IDFP"]
TETA_CURVES = ["TETA", "LocA", "AssocA", "LocRe", "LocPr", "AssocRe", "AssocPr", "Loc_TP", "Loc_FN", "Loc_FP", "Cls_TP", "Cls_FN", "Cls_FP"]
TETA_NUMBERS = ["ClsA", "ClsRe", "ClsPr"]


# ---- datasets


def encode(mask):
    code = mask_utils.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": [int(side) for side in code["size"]], "counts": code["counts"].decode()}


def decode(code, size):
    if code is None:
        return np.zeros(size, dtype=bool)
    return mask_utils.decode({"size": code["size"], "counts": code["counts"].encode()}).astype(bool)


class Maker:
    """Makes one dataset: things that move and vanish, and results that are off in every way."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.size = tuple(int(side) for side in self.random.integers(12, 70, 2))

    def thing(self, length):
        height, width = self.size
        rows, columns = np.mgrid[:height, :width]
        y, x = self.random.uniform(0, height), self.random.uniform(0, width)
        step = self.random.normal(0, 1.5, 2)
        radii = self.random.uniform(2, max(3, min(self.size) / 3), 2)
        is_round = self.random.random() < 0.5
        frames = []
        for t in range(length):
            dy, dx = (rows - y - t * step[0]) / radii[0], (columns - x - t * step[1]) / radii[1]
            mask = dy**2 + dx**2 < 1 if is_round else np.maximum(abs(dy), abs(dx)) < 1
            frames.append(mask if self.random.random() > 0.15 and mask.any() else None)
        return frames

    def off(self, mask):
        if mask is None:
            return None
        kind = self.random.random()
        if kind < 0.05:
            return None
        if kind < 0.08:
            return np.zeros_like(mask)
        if kind < 0.6:
            return np.roll(mask, self.random.integers(-2, 3, 2), (0, 1))
        if kind < 0.7:
            return mask ^ (self.random.random(mask.shape) < 0.05)
        return mask

    def dataset(self):
        random = self.random
        classes = list(range(1, 1 + random.integers(1, 4)))
        truth = {"videos": [], "categories": [{"id": c, "name": f"class{c}"} for c in classes], "annotations": []}
        results = []
        has_crowds = random.random() < 0.3
        for video in range(1, 1 + random.integers(1, 4)):
            length = int(random.choice([1, 2, 5, 9, 14]))
            names = [f"video{video}/{t}.jpg" for t in range(length)]
            height, width = self.size
            truth["videos"].append({"id": video, "height": height, "width": width, "length": length, "file_names": names})
            things = []
            for _ in range(random.integers(0, 6)):
                frames, category = self.thing(length), int(random.choice(classes))
                is_crowd = int(has_crowds and random.random() < 0.3)
                things.append((category, frames))
                truth["annotations"].append({
                    "id": len(truth["annotations"]) + 1, "video_id": video, "category_id": category, "iscrowd": is_crowd,
                    "height": height, "width": width,
                    "segmentations": [None if f is None else uncompressed(f) for f in frames],
                    "areas": [None if f is None else int(f.sum()) for f in frames],
                    "bboxes": [None] * length,
                })
            found = []
            for category, frames in things:
                for _ in range(random.integers(0, 3)):
                    own = [self.off(mask) for mask in frames]
                    start, end = sorted(random.integers(0, length + 1, 2)) if random.random() < 0.3 else (0, length)
                    own = [mask if start <= t < end else None for t, mask in enumerate(own)]
                    found.append([int(random.choice(classes)) if random.random() < 0.2 else category, own])
            for first, second in zip(found[:-1], found[1:]):
                if random.random() < 0.3:  # They change places.
                    at = int(random.integers(0, length))
                    first[1][at:], second[1][at:] = second[1][at:], first[1][at:]
            found += [[int(random.choice(classes)), self.thing(length)] for _ in range(random.integers(0, 2))]
            if random.random() < 0.03:
                found = found * 9
            for category, frames in found:
                results.append({
                    "video_id": video, "category_id": category, "score": round(float(random.random()), 3),
                    "segmentations": [None if f is None else encode(f) for f in frames],
                })
        return truth, results


def uncompressed(mask):
    flat = mask.flatten(order="F")
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flat]))) if flat.size else []
    counts = np.diff(np.concatenate([[0], edges, [flat.size]]))
    return {"size": list(mask.shape), "counts": [int(count) for count in counts]}


def masks_of(dataset):
    """The masks of all tracks as arrays, [frame] -> mask or None."""
    truth, results = dataset
    sizes = {video["id"]: (video["height"], video["width"]) for video in truth["videos"]}
    read = []
    for track in truth["annotations"] + results:
        size = sizes[track["video_id"]]
        codes = [
            code if code is None or isinstance(code["counts"], str) else compressed(code) for code in track["segmentations"]
        ]
        read.append([None if code is None else decode(code, size) for code in codes])
    return read[: len(truth["annotations"])], read[len(truth["annotations"]) :]


def compressed(code):
    code = mask_utils.frPyObjects(code, *code["size"])
    return {"size": code["size"], "counts": code["counts"].decode()}


def disjoint(tracks, length):
    """Gives every pixel to the first track that has it."""
    tracks = [list(track) for track in tracks]
    for t in range(length):
        taken = None
        for track in tracks:
            if track[t] is None:
                continue
            whole = track[t]
            if taken is not None and (whole & taken).any():
                left = whole & ~taken
                track[t] = left if left.any() else None
            taken = whole if taken is None else taken | whole
    return tracks


def by_video(dataset):
    """For each video: its entry, annotations and results, each with its masks."""
    truth, results = dataset
    truth_masks, result_masks = masks_of(dataset)
    for video in truth["videos"]:
        of = lambda tracks, masks: [(track, mask) for track, mask in zip(tracks, masks) if track["video_id"] == video["id"]]
        yield video, of(truth["annotations"], truth_masks), of(results, result_masks)


# ---- the official tools


def quietly(function, *arguments):
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments)


def evaluator():
    import trackeval

    config = trackeval.Evaluator.get_default_eval_config()
    for key in ["PRINT_RESULTS", "PRINT_CONFIG", "TIME_PROGRESS", "OUTPUT_SUMMARY", "OUTPUT_DETAILED", "PLOT_CURVES"]:
        config[key] = False
    config["LOG_ON_ERROR"] = None
    return trackeval.Evaluator(config)


def track_eval(dataset, folder):
    """HOTA and Identity of TrackEval's YouTube-VIS: class or average -> metric -> numbers."""
    import trackeval

    truth, results = dataset
    gt, trackers = folder / "gt" / "youtube_vis_x", folder / "trackers" / "youtube_vis_x" / "t" / "data"
    gt.mkdir(parents=True, exist_ok=True)
    trackers.mkdir(parents=True, exist_ok=True)
    (gt / "gt.json").write_text(json.dumps(truth))
    (trackers / "results.json").write_text(json.dumps(results))

    def run():
        data = trackeval.datasets.YouTubeVIS({
            "GT_FOLDER": f"{folder}/gt/", "TRACKERS_FOLDER": f"{folder}/trackers/", "SPLIT_TO_EVAL": "x", "PRINT_CONFIG": False,
        })
        metrics = [trackeval.metrics.HOTA(), trackeval.metrics.Identity({"PRINT_CONFIG": False})]
        return evaluator().evaluate([data], metrics)[0]["YouTubeVIS"]["t"]["COMBINED_SEQ"]

    return quietly(run)


def mots(dataset, category, folder):
    """CLEAR of TrackEval's MOTS Challenge for one class."""
    import trackeval

    lengths = {}
    for video, truths, results in by_video(dataset):
        length = video["length"]
        truths = sorted(truths, key=lambda pair: pair[0]["iscrowd"])
        results = sorted(results, key=lambda pair: -pair[0]["score"])
        name = f"video{video['id']}"
        lengths[name] = length
        for pairs, path, is_truth in [(truths, f"gt/{name}/gt/gt.txt", True), (results, f"trackers/t/data/{name}.txt", False)]:
            lines = []
            for number, ((track, _), masks) in enumerate(zip(pairs, disjoint([masks for _, masks in pairs], length))):
                if track["category_id"] != category:
                    continue
                is_crowd = is_truth and track["iscrowd"]
                for t, mask in enumerate(masks):
                    if mask is not None:
                        code = encode(mask)
                        kind = 10 if is_crowd else 2
                        identity = 10000 if is_crowd else kind * 1000 + number
                        lines.append((t, f"{t + 1} {identity} {kind} {code['size'][0]} {code['size'][1]} {code['counts']}"))
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(line + "\n" for _, line in sorted(lines, key=lambda line: line[0])))

    def run():
        data = trackeval.datasets.MOTSChallenge({
            "GT_FOLDER": str(folder / "gt"), "TRACKERS_FOLDER": str(folder / "trackers"), "SKIP_SPLIT_FOL": True,
            "SEQ_INFO": lengths, "PRINT_CONFIG": False,
        })
        metrics = [trackeval.metrics.CLEAR({"PRINT_CONFIG": False})]
        return evaluator().evaluate([data], metrics)[0]["MOTSChallenge"]["t"]["COMBINED_SEQ"]["pedestrian"]["CLEAR"]

    return quietly(run)


def box_ap(dataset, category):
    """AP and AP50 of the boxes around masks, by TrackEval's TrackMAP."""
    import trackeval

    metric = trackeval.metrics.TrackMAP({
        "USE_AREA_RANGES": False, "USE_TIME_RANGES": False, "MAX_DETECTIONS": 100, "PRINT_CONFIG": False,
    })

    def boxes(masks):
        found = {}
        for t, mask in enumerate(masks):
            if mask is not None and mask.any():
                rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
                found[t] = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
        return found

    videos = {}
    for video, truths, results in by_video(dataset):
        truths = [boxes(masks) for track, masks in truths if track["category_id"] == category]
        results = [(track["score"], boxes(masks)) for track, masks in results if track["category_id"] == category]
        results.sort(key=lambda pair: -pair[0])
        data = {
            "gt_track_ids": list(range(1, len(truths) + 1)), "dt_track_ids": list(range(1, len(results) + 1)), "iou_type": "bbox",
            "gt_tracks": truths, "dt_tracks": [boxes for _, boxes in results],
            "dt_track_scores": np.array([score for score, _ in results]),
        }
        videos[video["id"]] = quietly(metric.eval_sequence, data)
    combined = metric.combine_sequences(videos)
    return [float(np.mean(combined["AP_all"])), float(combined["AP_all"][0])]


def davis(dataset):
    """The global numbers of the unsupervised DAVIS evaluation."""
    from davis2017 import utils
    from davis2017.evaluation import DAVISEvaluation

    statistics = {"J": [], "F": []}
    for video, truths, results in by_video(dataset):
        length, size = video["length"], (video["height"], video["width"])
        ranked = sorted(range(len(results)), key=lambda number: -results[number][0]["score"])[:MAX_PROPOSALS]
        masks = disjoint([results[number][1] for number in ranked], length)
        found = [masks for _, masks in sorted(zip(ranked, masks), key=lambda pair: pair[0])]
        crowds = [masks for track, masks in truths if track["iscrowd"]]
        objects = disjoint([masks for track, masks in truths if not track["iscrowd"]], length)
        if not objects:
            continue
        array = lambda tracks: np.array(
            [[np.zeros(size, bool) if mask is None else mask for mask in track] for track in tracks]
        ).reshape(len(tracks), length, *size)
        void = array(crowds).any(0) if crowds else np.zeros((length, *size), bool)
        j, f = quietly(DAVISEvaluation._evaluate_unsupervised, array(objects), array(found), void, ("J", "F"))
        for number in range(len(objects)):
            statistics["J"].append(utils.db_statistics(j[number]))
            statistics["F"].append(utils.db_statistics(f[number]))
    if not statistics["J"]:
        return None
    j, f = np.mean(statistics["J"], axis=0), np.mean(statistics["F"], axis=0)
    return {
        "J&F": (j[0] + f[0]) / 2, "J-Mean": j[0], "J-Recall": j[1], "J-Decay": j[2], "F-Mean": f[0], "F-Recall": f[1],
        "F-Decay": f[2], "objects": len(statistics["J"]),
    }


def teta(dataset):
    """TETA at the threshold 50: class or "average" -> numbers."""
    from teta.datasets import COCO
    from teta.eval import eval_sequence
    from teta.metrics import TETA

    truth, _ = dataset
    metric = TETA(exhaustive=True)
    with_truth = {track["category_id"] for track in truth["annotations"]}
    names = {category["id"]: category["name"] for category in truth["categories"] if category["id"] in with_truth}
    if not names:
        return None
    videos = {}
    for video, truths, results in by_video(dataset):
        raw = {key: [] for key in ["gt_ids", "gt_classes", "gt_dets", "tk_ids", "tk_classes", "tk_dets", "similarity_scores"]}
        for t in range(video["length"]):
            sides = []
            for side, pairs in [("gt", truths), ("tk", results)]:
                seen = [(number, track["category_id"], encode(masks[t])) for number, (track, masks) in enumerate(pairs) if masks[t] is not None]
                raw[f"{side}_ids"].append(np.array([number for number, _, _ in seen], dtype=int))
                raw[f"{side}_classes"].append(np.array([category for _, category, _ in seen], dtype=int))
                raw[f"{side}_dets"].append(np.zeros((len(seen), 4)))
                sides.append([code for _, _, code in seen])
            ious = np.asarray(mask_utils.iou(*sides, [False] * len(sides[1]))).reshape(len(sides[0]), len(sides[1]))
            raw["similarity_scores"].append(ious)
        raw["num_timesteps"], raw["seq"] = video["length"], str(video["id"])
        data = COCO.__new__(COCO)
        data.cls_name2clsid = {name: number for number, name in names.items()}
        data.clsid2cls_name = names
        data.get_raw_seq_data = lambda *_: raw
        run = lambda: eval_sequence(str(video["id"]), data, "t", list(names.values()), [metric], ["TETA"])
        videos[str(video["id"])] = quietly(run)
    combined = {}
    for name in names.values():
        combined[name] = metric.combine_sequences({video: numbers[name]["TETA"] for video, numbers in videos.items()})
    average = metric.combine_classes_class_averaged(combined, ignore_empty=True)
    all_numbers = {name: numbers[50] for name, numbers in combined.items()}
    all_numbers["average"] = average[50]
    return all_numbers


# ---- the comparison


class Differences:
    def __init__(self):
        self.largest = {}
        self.counts = {}

    def add(self, name, ours, theirs, where):
        ours, theirs = np.atleast_1d(np.asarray(ours, float)), np.atleast_1d(np.asarray(theirs, float))
        if ours.shape != theirs.shape:
            sys.exit(f"{where}: {name}: {ours.shape} numbers and {theirs.shape}")
        difference = float(np.abs(ours - theirs).max()) if ours.size else 0.0
        self.counts[name] = self.counts.get(name, 0) + 1
        if difference >= self.largest.get(name, (-1.0, ""))[0]:
            self.largest[name] = (difference, where)

    def show(self):
        width = max(map(len, self.largest))
        for name, (difference, where) in self.largest.items():
            print(f"{name:<{width}}  {difference:9.2e}  of {self.counts[name]:5}  {where if difference > TOLERANCE else ''}")
        worst = max(difference for difference, _ in self.largest.values())
        print(f"largest difference: {worst:.2e}")
        return worst <= TOLERANCE


def official(dataset, folder):
    """All numbers of the official tools, in the layout of the JSON of `seqformer score --metrics`."""
    truth, _ = dataset
    numbers = {"hota": {}, "idf1": {}, "mots": {"per_class": {}}, "box-ap": {"per_class": {}}}
    combined = track_eval(dataset, folder / "ytvis")
    keys = {"cls_comb_cls_av": "class_averaged_all", "cls_comb_det_av": "detection_averaged"}
    for name, metrics in combined.items():
        hota, identity = metrics["HOTA"], metrics["Identity"]
        entry = {key: float(hota[key]) for key in HOTA_NUMBERS} | {"curves": {key: hota[key].tolist() for key in HOTA_CURVES}}
        identity = {key: float(identity[key]) for key in IDENTITY}
        for metric, value in [("hota", entry), ("idf1", identity)]:
            at = numbers[metric] if name in keys else numbers[metric].setdefault("per_class", {})
            at[keys.get(name, name)] = value
    for category in truth["categories"]:
        name = category["name"]
        clear = mots(dataset, category["id"], folder / f"mots{category['id']}")
        numbers["mots"]["per_class"][name] = {ours: float(clear[theirs]) for ours, theirs in CLEAR.items()}
        if not any(track["iscrowd"] for track in truth["annotations"]):
            numbers["box-ap"]["per_class"][name] = box_ap(dataset, category["id"])
    objects = davis(dataset)
    numbers["jf"] = {"object_averaged": {key: float(value) for key, value in objects.items()}} if objects else {}
    numbers["teta"] = {"per_class": {}}
    for name, found in (teta(dataset) or {}).items():
        if np.ndim(found["TETA"]) == 0:
            continue  # No class has a mask, and the average of none is no number.
        entry = {key: float(np.mean(found[key])) for key in TETA_NUMBERS}
        entry["curves"] = {key: np.asarray(found[key]).tolist() for key in TETA_CURVES}
        if name == "average":
            numbers["teta"]["class_averaged"] = entry
        else:
            numbers["teta"]["per_class"][name] = entry
    return numbers


def compare(ours, theirs, differences, where):
    for metric in ["hota", "idf1", "mots", "jf", "teta"]:
        pairs = [(key, ours[metric].get(key), entry) for key, entry in theirs[metric].items() if key != "per_class"]
        # A class without annotations and results has no entry.
        pairs += [(name, ours[metric]["per_class"].get(name), entry) for name, entry in theirs[metric].get("per_class", {}).items()]
        for name, mine, entry in pairs:
            if mine is None:
                continue
            for key, value in entry.items():
                if key == "curves":
                    for curve, values in value.items():
                        differences.add(f"{metric} {curve}", mine["curves"][curve], values, f"{where} {name}")
                else:
                    differences.add(f"{metric} {key}", mine[key], value, f"{where} {name}")
    for name, value in theirs["box-ap"]["per_class"].items():
        mine = ours["box-ap"]["per_class_stats"].get(name)
        if mine is not None:
            differences.add("box-ap", mine[:2], value, f"{where} {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seqformer", default="target/debug/seqformer", help="the command")
    parser.add_argument("--davis", required=True, help="a copy of davis2017-evaluation")
    parser.add_argument("--teta", required=True, help="the folder teta of a copy of tet")
    parser.add_argument("--cases", type=int, default=200, help="how many datasets")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first")
    parser.add_argument("--dataset", nargs=2, type=Path, metavar=("GT", "RESULTS"), help="files to compare instead")
    parser.add_argument("--golden", help="where to write a few datasets with the numbers of the official tools")
    options = parser.parse_args()
    sys.path[:0] = [options.davis, options.teta]
    differences, golden = Differences(), []
    for seed in [0] if options.dataset else range(options.first, options.first + options.cases):
        dataset = [json.loads(path.read_text()) for path in options.dataset] if options.dataset else Maker(seed).dataset()
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            theirs = official(dataset, folder)
            gt, results = folder / "gt.json", folder / "results.json"
            gt.write_text(json.dumps(dataset[0]))
            results.write_text(json.dumps(dataset[1]))
            command = [options.seqformer, "score", "--gt", gt, "--results", results, "--json", "-"]
            command += ["--metrics", "box-ap,hota,idf1,mots,jf,teta"]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"case {seed}: {done.stderr}")
            compare(json.loads(done.stdout), theirs, differences, f"case {seed}")
        if options.golden and len(golden) < 6 and 3 < len(dataset[1]) < 12 and len(json.dumps(dataset)) < 30000:
            golden.append({"seed": seed, "truth": dataset[0], "results": dataset[1], "expected": theirs})
    if options.golden:
        Path(options.golden).write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    sys.exit(0 if differences.show() else 1)


if __name__ == "__main__":
    main()
