#!/usr/bin/env python3
"""Measures what `exhaustive_category_ids` is worth on data that is annotated in some classes only.

Draws videos of moving shapes with `seqformer synth`, takes the annotations of four of the six classes out of every
training video, and goes on training the included model on them three times: with all annotations, with the lists of
complete classes, and without the lists, where what is not annotated counts as background.

    scripts/partly_labelled.py --seqformer target/release/seqformer --output output/partly --iterations 150
"""

import argparse
import json
import pathlib
import subprocess

COMPLETE = 2  # classes that are complete in a video, of six


def partly(data):
    """Keeps the annotations of two classes of each video, in turn, and says which."""
    ids = [category["id"] for category in data["categories"]]
    kept = {}
    for index, video in enumerate(data["videos"]):
        classes = [ids[(COMPLETE * index + step) % len(ids)] for step in range(COMPLETE)]
        video["exhaustive_category_ids"] = classes
        kept[video["id"]] = classes
    data["annotations"] = [a for a in data["annotations"] if a["category_id"] in kept[a["video_id"]]]
    return data


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seqformer", default="seqformer")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="a new folder")
    parser.add_argument("--iterations", type=int, default=150)
    parser.add_argument("--videos", type=int, default=120)
    args = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parents[1]

    def seqformer(*words):
        subprocess.run([args.seqformer, *map(str, words)], check=True, stdout=subprocess.DEVNULL)

    args.output = args.output.resolve()
    args.output.mkdir(parents=True)
    data = args.output / "data"
    seqformer("synth", "--output", data, "--videos", args.videos, "--val-videos", 30, "--size", "96x96", "--frames",
              "6..8", "--seed", 7)
    all_labels = data / "annotations/train.json"
    lists = partly(json.loads(all_labels.read_text()))
    (data / "annotations/lists.json").write_text(json.dumps(lists))
    for video in lists["videos"]:
        del video["exhaustive_category_ids"]
    (data / "annotations/no_lists.json").write_text(json.dumps(lists))
    frames = data / "train/JPEGImages"
    for name in ["train", "lists", "no_lists"]:
        config = args.output / f"{name}.yaml"
        config.write_text(json.dumps({
            "_BASE_": str(root / "configs/synth_small_128.yaml"),
            "MODEL": {
                "WEIGHTS": str(root / "models/synth_small/model.safetensors"),
                "SeqFormer": {"NUM_CLASSES": 6},
            },
            "INPUT": {"MIN_SIZE_TRAIN": [96], "MIN_SIZE_TEST": 96},
            "DATASETS": {
                "CUSTOM": {
                    "partly": {
                        "json": str(data / f"annotations/{name}.json"),
                        "image_root": str(data / "train/JPEGImages"),
                        "type": "ytvis",
                    }
                },
                "TRAIN": ["partly"],
                "TEST": [str(data / "annotations/val.json")],
            },
            "SOLVER": {
                "IMS_PER_BATCH": 4,
                "BASE_LR": 0.0002,
                "WARMUP_ITERS": 10,
                "MAX_ITER": args.iterations,
                "STEPS": [],
                "CHECKPOINT_PERIOD": args.iterations,
            },
            "TEST": {"EVAL_PERIOD": 0},
            "OUTPUT_DIR": str(args.output / name),
        }))
        seqformer("train", "--config-file", config)
        lines = (args.output / name / "metrics.json").read_text().splitlines()
        scores = [json.loads(line) for line in lines]
        print(name, [line["segm/AP"] for line in scores if "segm/AP" in line][-1], flush=True)


if __name__ == "__main__":
    main()
