#!/usr/bin/env python3
"""Compares what `seqformer data convert` writes with what independent tools read: pycocotools, numpy and Pillow.

    pip install pycocotools pillow
    scripts/compare/writers.py ANNOTATIONS.json [--program target/debug/seqformer]

ANNOTATIONS.json is a YouTube-VIS file whose masks do not overlap. Every mask of every format has to be equal, pixel by
pixel; exits with 1 if one is not.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO


def truth(path):
    """The masks of a YouTube-VIS file by video, frame and object; the names of frames without ending."""
    data = json.loads(path.read_text())
    videos = {video["id"]: video for video in data["videos"]}
    masks = {}
    for track in data["annotations"]:
        for frame, code in enumerate(track["segmentations"]):
            if code is None:
                continue
            if isinstance(code["counts"], list):
                code = coco_mask.frPyObjects(code, *code["size"])
            name = str(Path(videos[track["video_id"]]["file_names"][frame]).with_suffix(""))
            masks[name, track["id"]] = coco_mask.decode(code).astype(bool)
    return masks


def of_coco(path):
    coco = COCO(str(path))
    found = {}
    for annotation in coco.loadAnns(coco.getAnnIds()):
        name = str(Path(coco.imgs[annotation["image_id"]]["file_name"]).with_suffix(""))
        found.setdefault(name, []).append(coco.annToMask(annotation).astype(bool))
        assert found[name][-1].sum() == annotation["area"], annotation["id"]
    return found


def of_png(folder, part):
    """Masks by the values of pictures."""
    found = {}
    for path in sorted((folder / part).rglob("*.png")):
        values = np.array(Image.open(path))
        name = str(path.relative_to(folder / part).with_suffix(""))
        found[name] = [values == value for value in np.unique(values) if value != 0]
    return found


def of_polygons(polygons, height, width):
    codes = coco_mask.frPyObjects(polygons, height, width)
    return coco_mask.decode(coco_mask.merge(codes)).astype(bool)


def of_labelme(folder):
    found = {}
    for path in sorted(folder.rglob("*.json")):
        data = json.loads(path.read_text())
        groups = {}
        for shape in data["shapes"]:
            groups.setdefault(shape["group_id"], []).append(np.array(shape["points"]).ravel().tolist())
        size = data["imageHeight"], data["imageWidth"]
        name = str(path.relative_to(folder).with_suffix(""))
        found[name] = [of_polygons(polygons, *size) for polygons in groups.values()]
    return found


def of_yolo(folder, sizes):
    found = {}
    for path in sorted((folder / "labels").rglob("*.txt")):
        name = str(path.relative_to(folder / "labels").with_suffix(""))
        if name not in sizes:
            continue
        height, width = sizes[name]
        lines = [np.array(line.split()[1:], dtype=float).reshape(-1, 2) for line in path.read_text().splitlines()]
        found[name] = [of_polygons([(line * [width, height]).ravel().tolist()], height, width) for line in lines]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("--program", default="target/debug/seqformer")
    arguments = parser.parse_args()
    expected = {}
    for (name, _), mask in truth(arguments.annotations).items():
        expected.setdefault(name, []).append(mask)
    sizes = {name: masks[0].shape for name, masks in expected.items()}
    readers = {
        "coco": of_coco,
        "davis": lambda path: of_png(path, "Annotations"),
        "mots-png": lambda path: of_png(path, "instances"),
        "labelme": of_labelme,
        "yolo": lambda path: of_yolo(path, sizes),
    }
    differing = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, read in readers.items():
            output = Path(folder) / name
            command = [arguments.program, "data", "convert", arguments.annotations, "--to", name, "--output", output]
            subprocess.run(command, check=True, capture_output=True)
            found = read(output)
            wrong = 0
            for frame, masks in expected.items():
                key = lambda mask: mask.tobytes()
                ours = sorted(found.get(frame, []), key=key)
                wrong += len(ours) != len(masks) or any(
                    not np.array_equal(a, b) for a, b in zip(ours, sorted(masks, key=key))
                )
            print(f"{name}: {len(expected)} frames with objects, {wrong} differ")
            differing += wrong
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
