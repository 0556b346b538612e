#!/usr/bin/env python3
"""Compares the readers of `seqformer data convert` with those of labelformat and supervision, on the same files.

It is no part of the tests. What it needs, in a Python of its own:

    python3 -m venv venv && venv/bin/pip install labelformat==0.1.17 supervision==0.31.2 pycocotools numpy

    venv/bin/python scripts/compare/readers.py --seqformer target/debug/seqformer

Makes a synthetic dataset, and lets both sides read it as COCO, YOLO, labelme, CVAT and YouTube-VIS. labelformat returns
polygons, masks and boxes as they are in the file: counts, classes and areas have to be equal, and IoU 1. supervision also
fills the pixels that an outline touches: counts and classes have to be equal, and the mean IoU of objects above 32x32 has
to be 0.9 at least. Fails if anything differs. `--yolo IMAGES LABELS` also compares other labels and their images.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import supervision as sv
from labelformat.formats.coco import COCOInstanceSegmentationInput
from labelformat.formats.cvat import CVATObjectDetectionInput
from labelformat.formats.yolov8 import YOLOv8InstanceSegmentationInput
from labelformat.formats.youtubevis import YouTubeVISInstanceSegmentationTrackInput
from labelformat.model.multipolygon import MultiPolygon
from pycocotools import mask as coco_mask

warnings.filterwarnings("ignore")

# Pixels of an object that is large enough for masks that differ along their outlines.
LARGE = 32 * 32


class Program:
    """`seqformer`, and a folder for what it writes."""

    def __init__(self, path, folder):
        self.path, self.folder, self.count = path, folder, 0

    def run(self, *words):
        done = subprocess.run([self.path, *map(str, words)], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stderr)

    def convert(self, source, of, to, *more):
        self.count += 1
        output = self.folder / f"{self.count}_{to}" / ("data.json" if to in ("coco", "ytvis") else "data")
        output.parent.mkdir()
        self.run("data", "convert", source, "--from", of, "--to", to, "--output", output, *more)
        return output

    def read(self, source, of, *more):
        """The entries (class, mask, box) of every image by its name without ending, as `seqformer` reads a file."""
        data = json.loads(self.convert(source, of, "ytvis", *more).read_text())
        names = {category["id"]: category["name"] for category in data["categories"]}
        videos = {video["id"]: [Path(name).stem for name in video["file_names"]] for video in data["videos"]}
        found = {name: [] for video in videos.values() for name in video}
        for track in data["annotations"]:
            frames = zip(videos[track["video_id"]], track["segmentations"], track["bboxes"])
            for name, code, box in frames:
                if code is not None:
                    found[name].append((names[track["category_id"]], drawn(code), box))
        return found


def drawn(code):
    if isinstance(code["counts"], list):
        code = coco_mask.frPyObjects(code, *code["size"])
    return coco_mask.decode(code).astype(bool)


def mask_of(segmentation, height, width):
    """Draws what labelformat has read by the rules of COCO."""
    if isinstance(segmentation, MultiPolygon):
        polygons = [np.array(polygon).ravel().tolist() for polygon in segmentation.polygons]
        return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))).astype(bool)
    return segmentation.get_binary_mask().astype(bool)


def of_labelformat(labels):
    found = {}
    for label in labels.get_labels():
        image = label.image
        objects = [(one.category.name, mask_of(one.segmentation, image.height, image.width)) for one in label.objects]
        found[Path(image.filename).stem] = objects
    return found


def of_supervision(dataset):
    found = {}
    for path, _, detections in dataset:
        masks = [] if detections.mask is None else np.asarray(detections.mask).astype(bool)
        found[Path(path).stem] = [(dataset.classes[one], mask) for one, mask in zip(detections.class_id, masks)]
    return found


def of_tracks(path):
    """YouTube-VIS as labelformat reads it: a mask for each frame on which an object is visible."""
    names = {video["id"]: video["file_names"] for video in json.loads(path.read_text())["videos"]}
    found = {Path(name).stem: [] for video in names.values() for name in video}
    for label in YouTubeVISInstanceSegmentationTrackInput(path).get_labels():
        size = label.video.height, label.video.width
        for one in label.objects:
            for name, segmentation in zip(names[label.video.id], one.segmentations):
                if segmentation is not None:
                    found[Path(name).stem].append((one.category.name, mask_of(segmentation, *size)))
    return found


def compare(what, ours, theirs, exact):
    """Compares masks image by image, and returns whether they are as they should be."""
    wrong, ious, areas = 0, [], []
    # Some tools leave out images without objects.
    for name in sorted(ours.keys() | theirs.keys()):
        pairs = list(zip(ours.get(name, []), theirs.get(name, [])))
        wrong += len(ours.get(name, [])) != len(theirs.get(name, []))
        for (our_class, our_mask, _), (their_class, their_mask) in pairs:
            wrong += our_class != their_class
            if exact or our_mask.sum() > LARGE:
                union = (our_mask | their_mask).sum()
                ious.append((our_mask & their_mask).sum() / union if union else 1.0)
                areas.append(abs(int(our_mask.sum()) - int(their_mask.sum())))
    good = not wrong and bool(ious) and (min(ious) == 1 and max(areas) == 0 if exact else np.mean(ious) >= 0.9)
    count = sum(map(len, ours.values()))
    print(
        f"{what:26} {len(ours):4} images {count:5} objects, {wrong} counts or classes differ; {len(ious)} masks: "
        f"IoU least {min(ious, default=0):.4f}, mean {np.mean(ious or [0]):.4f}{'' if good else '  WRONG'}"
    )
    return good


def compare_boxes(what, ours, theirs):
    """Compares classes and boxes `x, y, width, height`."""
    difference, wrong = 0.0, 0
    for name in ours.keys() | theirs.keys():
        our_boxes, their_boxes = ours.get(name, []), theirs.get(name, [])
        wrong += len(our_boxes) != len(their_boxes)
        for (our_class, _, ours_box), (their_class, their_box) in zip(our_boxes, their_boxes):
            wrong += our_class != their_class
            difference = max(difference, np.abs(np.subtract(ours_box, their_box)).max())
    count = sum(map(len, ours.values()))
    good = not wrong and count > 0 and difference == 0
    print(f"{what:26} {len(ours):4} images {count:5} boxes, {wrong} differ, largest difference {difference}")
    return good


def boxes_of_cvat(path):
    found = {}
    for label in CVATObjectDetectionInput(path).get_labels():
        boxes = [(one.category.name, one.box) for one in label.objects]
        sides = [(name, [box.xmin, box.ymin, box.xmax - box.xmin, box.ymax - box.ymin]) for name, box in boxes]
        found[Path(label.image.filename).stem] = sides
    return found


def yolo_file(classes, images, path):
    """labelformat and supervision want to be told where the images are."""
    names = ", ".join(json.dumps(name) for name in classes)
    path.write_text(f"path: .\ntrain: {images}\nnames: [{names}]\n")
    return path


def flat_dataset(program, folder, num_videos):
    """A synthetic dataset whose images are in one folder, as supervision wants it; its annotations and the folder."""
    made = folder / "made"
    layout = ["--layout", "ytvis_2019", "--videos", num_videos, "--val-videos", 1, "--size", "320x192", "--frames", "4..8"]
    program.run("synth", "--output", made, *layout)
    data = json.loads((made / "ytvis_2019/annotations/instances_train_sub.json").read_text())
    images = folder / "images"
    images.mkdir()
    for video in data["videos"]:
        flat = [name.replace("/", "_") for name in video["file_names"]]
        for name, new in zip(video["file_names"], flat):
            shutil.copy(made / "ytvis_2019/train/JPEGImages" / name, images / new)
        video["file_names"] = flat
    annotations = folder / "annotations.json"
    annotations.write_text(json.dumps(data))
    return annotations, images


def compare_yolo(program, what, root, images, labels, classes):
    """`root` is the folder around `images` and `labels`."""
    ours = program.read(labels, "yolo", "--images", images)
    config = yolo_file(classes, images.relative_to(root), root / "compared.yaml")
    theirs = of_labelformat(YOLOv8InstanceSegmentationInput(config, "train"))
    good = compare(f"{what}, labelformat", ours, theirs, exact=True)
    drawn_by_cv = sv.DetectionDataset.from_yolo(str(images), str(labels), str(config), force_masks=True)
    return good & compare(f"{what}, supervision", ours, of_supervision(drawn_by_cv), exact=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seqformer", default="target/debug/seqformer")
    parser.add_argument("--videos", type=int, default=20)
    parser.add_argument("--yolo", nargs=2, type=Path, metavar=("IMAGES", "LABELS"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        program = Program(options.seqformer, folder)
        tracks, images = flat_dataset(program, folder, options.videos)
        good = compare("YouTube-VIS, labelformat", program.read(tracks, "ytvis"), of_tracks(tracks), exact=True)

        # YOLO has one polygon an object, which is what all of these tools read alike.
        yolo = program.convert(tracks, "ytvis", "yolo")
        classes = [one["name"] for one in sorted(json.loads(tracks.read_text())["categories"], key=lambda one: one["id"])]
        shutil.copytree(images, yolo / "images", dirs_exist_ok=True)
        good &= compare_yolo(program, "YOLO", yolo, yolo / "images", yolo / "labels", classes)

        coco = program.convert(yolo, "yolo", "coco")
        ours = program.read(coco, "coco")
        good &= compare("COCO, labelformat", ours, of_labelformat(COCOInstanceSegmentationInput(coco)), exact=True)
        theirs = sv.DetectionDataset.from_coco(str(images), str(coco), force_masks=True)
        good &= compare("COCO, supervision", ours, of_supervision(theirs), exact=False)

        labelme = program.convert(coco, "coco", "labelme")
        theirs = sv.DetectionDataset.from_labelme(str(images), str(labelme), force_masks=True)
        good &= compare("labelme, supervision", program.read(labelme, "labelme"), of_supervision(theirs), exact=False)

        data = json.loads(coco.read_text())
        for annotation in data["annotations"]:
            del annotation["segmentation"]
        boxes = folder / "boxes.json"
        boxes.write_text(json.dumps(data))
        (cvat,) = program.convert(boxes, "coco", "cvat").rglob("*.xml")
        ours = program.read(cvat, "cvat", "--boxes-as-masks")
        good &= compare_boxes("CVAT, labelformat", ours, boxes_of_cvat(cvat))

        if options.yolo:
            given = folder / "given"
            for source, name in zip(options.yolo, ["images", "labels"]):
                shutil.copytree(source, given / name)
            lines = [line for path in (given / "labels").rglob("*.txt") for line in path.read_text().splitlines()]
            classes = [f"class_{number}" for number in range(1 + max(int(line.split()[0]) for line in lines))]
            good &= compare_yolo(program, "YOLO, given", given, given / "images", given / "labels", classes)
    sys.exit(not good)


if __name__ == "__main__":
    main()
