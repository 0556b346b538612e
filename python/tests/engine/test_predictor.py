"""Predictions from Python: those of the command, from every kind of input, with threads that no signal reaches."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from .conftest import WEIGHTS, moving_square, threads, write_frames


def rows(video):
    return json.dumps(video.to_ytvis())


def test_results_are_those_of_the_command_byte_for_byte(predictor, command, tmp_path):
    command("synth", "--output", tmp_path / "data", "--videos", 1, "--frames", "9..9", "--seed", 3)
    video = next(path for path in sorted((tmp_path / "data").rglob("*")) if len(list(path.glob("*.jpg"))) == 9)
    output = tmp_path / "out"
    words = ["predict", "--weights", WEIGHTS, "--device", "cpu", "--no-overlay", "--output", output]
    command(*words, video)
    expected = (output / "results.json").read_text()
    found = predictor(video)
    assert rows(found) == expected
    assert json.loads(expected) and (len(found), found.name) == (9, video.name)


def test_every_kind_of_input_gives_the_same(predictor, folder_of_frames):
    torch = pytest.importorskip("torch")
    frames = list(moving_square(12))
    tensor = torch.from_numpy(np.stack(frames))
    expected = rows(predictor(folder_of_frames))
    assert json.loads(expected)
    for given in [frames, iter(frames), np.stack(frames), tensor, tensor.permute(0, 3, 1, 2), list(tensor)]:
        assert rows(predictor(given)) == expected


@pytest.mark.parametrize(
    ("video", "words"),
    [
        ([np.zeros((8, 8, 3), np.float32)], "frame 0: expected bytes .* found float32"),
        ([np.zeros((8, 8), np.uint8)], r"frame 0: expected red, green and blue .* found \[8, 8\]"),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)], "frame 1: expected 8x8.*found 8x9"),
        ([], "the video has no frames"),
        (np.zeros((8, 8, 3), np.uint8), "a video: expected a tensor of shape"),
        (7, "a video: expected a path, .* found int"),
        ("nowhere.mp4", "nowhere.mp4"),
    ],
)
def test_a_video_that_cannot_be_used_is_named(predictor, video, words):
    import seqformer

    with pytest.raises(seqformer.DataError, match=words):
        predictor(video)


def test_arguments_that_cannot_be_used_are_named(engine, tmp_path):
    import seqformer

    with pytest.raises(ValueError, match="precision: expected 'auto', 'f32'.*found 'f64'"):
        seqformer.Predictor(WEIGHTS, precision="f64")
    with pytest.raises(seqformer.ConfigError, match="INPUT.MIN_SIZE_TST"):
        seqformer.Predictor(WEIGHTS, INPUT__MIN_SIZE_TST=64)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no weights")
    with pytest.raises(seqformer.CheckpointError, match="broken.safetensors"):
        seqformer.Predictor(broken)


def test_an_exception_of_the_iterator_comes_back_as_it_is(predictor):
    def frames():
        yield from moving_square(3)
        raise OSError("the camera is gone")

    with pytest.raises(OSError, match="the camera is gone"):
        predictor(frames())
    with pytest.raises(OSError, match="the camera is gone"):
        list(predictor.stream(frames(), clip_length=3))


def test_a_stream_hands_back_frames_while_it_reads(predictor):
    taken = []

    def camera():
        for index, frame in enumerate(moving_square(60)):
            taken.append(index)
            yield frame

    found = []
    for frame in predictor.stream(camera(), clip_length=3, clip_stride=1, score_threshold=0.0):
        found.append(frame)
        # A clip, what is read ahead, and what waits.
        assert len(taken) <= frame.index + 1 + 3 + 16
    assert [frame.index for frame in found] == list(range(60))
    images = list(moving_square(60))
    assert all(np.array_equal(frame.image, images[frame.index]) for frame in found)
    frame = max(found, key=len)
    assert len(frame) and frame.masks.shape == (len(frame), 60, 80) and frame.masks.dtype == bool
    for mask, (x, y, width, height) in zip(frame.masks, frame.boxes):
        ys, xs = np.nonzero(mask)
        assert (xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1) == (x, y, width, height)
    assert [predictor.class_names[label] for label in frame.labels] == frame.names


def test_a_stream_has_the_masks_of_a_prediction_in_clips(engine, predictor):
    import seqformer

    frames = list(moving_square(14))
    whole = seqformer.Predictor(WEIGHTS, device="cpu", precision="f32", clip_length=5, clip_stride=2)(frames)
    stream = list(predictor.stream(frames, clip_length=5, clip_stride=2))
    assert len(stream) == len(whole) == 14
    for found, expected in zip(stream, whole):
        # Results of several classes share the mask of their track.
        masks = {mask.tobytes() for mask in found.masks}
        assert masks == {mask.tobytes() for mask in expected.masks}


def test_a_closed_stream_frees_its_predictor(predictor):
    with predictor.stream(moving_square(1000), clip_length=3) as stream:
        assert next(stream).index == 0
        with pytest.raises(RuntimeError, match="follows a stream: use the stream up or close it"):
            predictor(moving_square(4))
    abandoned = predictor.stream(moving_square(1000), clip_length=3)
    next(abandoned)
    del abandoned
    assert len(predictor(moving_square(4))) == 4


def test_no_signal_reaches_a_thread_that_computes(engine):
    import seqformer

    before = set(threads())
    predictor = seqformer.Predictor(WEIGHTS, device="cpu", precision="f32", threads=2)
    seen = {}

    def frames():
        for frame in moving_square(40):
            seen.update(threads())
            yield frame

    predictor(frames())
    ours = {thread: mask for thread, mask in seen.items() if thread not in before}
    stops = sum(1 << number - 1 for number in [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGPROF])
    assert len(ours) >= 3 and all(mask & stops == stops for mask in ours.values()), ours
    handler = signal.getsignal(signal.SIGINT)
    assert handler is signal.default_int_handler


def test_libtorch_and_openmp_are_there_once(predictor):
    files = {}
    for line in Path("/proc/self/maps").read_text().splitlines():
        name = Path(line.split()[-1]).name
        for library in ["libtorch_cpu", "libc10.", "libgomp", "libomp", "libiomp"]:
            if name.startswith(library):
                files.setdefault(library, set()).add(line.split()[-1])
    assert {"libtorch_cpu", "libc10."} <= set(files)
    assert all(len(paths) == 1 for paths in files.values()), files
    runtimes = [name for name in files if "omp" in name]
    assert len(runtimes) == 1, files


def test_a_second_prediction_starts_no_more_threads(predictor):
    counts = []
    for _ in range(3):
        predictor(moving_square(6))
        time.sleep(0.1)
        counts.append(len(threads()))
    assert counts[1] == counts[2], counts


@pytest.mark.parametrize("is_fed", [False, True])
def test_ctrl_c_ends_a_prediction_and_leaves_nothing(predictor, tmp_path, is_fed):
    expected = rows(predictor(moving_square(5)))
    if is_fed:
        video = moving_square(100_000)
    else:
        video = write_frames(tmp_path / "long", moving_square(1500))
    time.sleep(0.1)
    before = len(threads())
    timer = threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    # Time of the processor: a busy machine does not change it much.
    start = time.process_time()
    with pytest.raises(KeyboardInterrupt):
        predictor(video)
    timer.join()
    time.sleep(0.1)
    assert time.process_time() - start < 10
    assert len(threads()) <= before
    assert rows(predictor(moving_square(5))) == expected
