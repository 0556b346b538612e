"""Training clips for Python."""

import json
import pickle
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import seqformer as sf

CONFIG = Path(__file__).resolve().parents[2] / "tests/golden/public/tiny_config.yaml"


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    command = Path(sysconfig.get_path("scripts"), "seqformer")
    words = ["--videos", "3", "--val-videos", "1", "--frames", "5..5", "--size", "64x48", "--seed", "1"]
    subprocess.run([command, "synth", "--output", folder, *words], check=True, capture_output=True)
    return folder / "annotations/train.json"


def clips(train, **overrides):
    plain = {"INPUT__MIN_SIZE_TRAIN": "(48,)", "INPUT__RANDOM_FLIP": "none", "INPUT__SAMPLING_FRAME_NUM": 3}
    return sf.ClipDataset(CONFIG, DATASETS__TRAIN=f"['{train}']", **{**plain, **overrides})


def test_a_clip_without_augmentation_is_what_is_annotated(train):
    dataset = clips(train)
    annotations = sf.load_annotations(train)
    assert len(dataset) == len(annotations) == 3 and dataset.class_names == list(annotations.class_names.values())
    for clip, video in zip(dataset, annotations):
        indices = clip["frame_indices"]
        assert clip["video_id"] == video.id and len(indices) == 3
        assert clip["frames"].shape == (3, 3, 48, 64) and clip["frames"].dtype == np.uint8
        tracks = {track.id: track for track in video.tracks}
        assert len(clip["labels"]) > 0
        for place, (label, id) in enumerate(zip(clip["labels"], clip["track_ids"])):
            visible = clip["visible"][place]
            # An object that no frame shows keeps no class.
            assert not visible.any() or dataset.class_names[label] == tracks[id].name
            for frame, index in enumerate(indices):
                expected = tracks[id].mask(index)
                mask = clip["masks"][place, frame]
                assert visible[frame] == (expected is not None) == mask.any()
                if expected is not None:
                    assert (mask == expected).all()
                    x, y, width, height = tracks[id].boxes[index]
                    assert clip["boxes"][place, frame].tolist() == [x, y, x + width, y + height]


def test_draws_follow_from_seed_epoch_and_item(train):
    drawn = {"INPUT__MIN_SIZE_TRAIN": "(32, 40, 48)", "INPUT__RANDOM_FLIP": "flip_by_clip"}

    def shown(dataset):
        return [dataset[item]["frames"].tobytes() for item in range(3)]

    dataset = clips(train, **drawn)
    first = shown(dataset)
    assert shown(dataset) == first
    dataset.set_epoch(1)
    second = shown(dataset)
    assert second != first and shown(pickle.loads(pickle.dumps(dataset))) == second
    assert shown(clips(train, **drawn, seed=1)) != first


def test_bad_settings_and_items_are_named(train, tmp_path):
    with pytest.raises(sf.ConfigError, match="INPUT.SAMPLING_FRAME_NUN"):
        clips(train, INPUT__SAMPLING_FRAME_NUN=3)
    with pytest.raises(sf.DataError, match="nothing.json"):
        clips(tmp_path / "nothing.json")
    with pytest.raises(IndexError, match="an item below 3, found 3"):
        clips(train)[3]
    content = json.loads(train.read_text())
    content["videos"][0]["file_names"][:] = ["gone.jpg"] * 5
    broken = train.with_name("broken.json")
    broken.write_text(json.dumps(content))
    with pytest.raises(sf.DataError, match="gone.jpg"):
        clips(broken)[0]


def test_a_loader_of_pytorch_reads_clips_in_its_workers(train):
    torch = pytest.importorskip("torch")
    dataset = clips(train)
    # Tensors of workers cross by files: some machines have little shared memory.
    torch.multiprocessing.set_sharing_strategy("file_system")
    loader = torch.utils.data.DataLoader(dataset, batch_size=2, num_workers=1, collate_fn=dataset.collate)
    found = [clip for batch in loader for clip in batch]
    assert [len(batch) for batch in loader] == [2, 1]
    for clip, expected in zip(found, dataset):
        assert clip["frames"].dtype == torch.uint8 and clip["masks"].dtype == torch.bool
        for name in ("frames", "masks", "boxes", "labels"):
            assert (clip[name].numpy() == expected[name]).all()
