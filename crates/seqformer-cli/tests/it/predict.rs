//! `seqformer predict` from files to files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use seqformer_data::{RgbImage, read_image};
use seqformer_masks::{ImageSize, Rle};
use serde_json::Value;
use tempfile::TempDir;

use crate::{command, display, golden, seqformer, text};

/// Runs `predict` with the tiny model on `inputs`; `more` comes before the inputs.
fn predict(output: &Path, more: &[&str], inputs: &[&str]) -> Output {
    let (config, weights) = (golden("tiny_config.yaml"), golden("tiny_model.pth"));
    let output = display(output);
    let mut arguments = vec!["predict", "--config-file", &config, "--output", &output];
    if !more.contains(&"--device") {
        arguments.extend(["--device", "cpu"]);
    }
    if !more.contains(&"--weights") {
        arguments.extend(["--weights", &weights]);
    }
    arguments.extend(more);
    arguments.extend(inputs);
    seqformer(&arguments)
}

fn long_video() -> String {
    golden("tiny_video/JPEGImages/vid_long")
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// All files below a folder, as names relative to it.
fn files_below(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                names.push(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    names.sort();
    names
}

#[test]
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "the program names them so")]
fn two_videos_give_the_results_of_the_reference() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("found");
    let (classes, short) =
        (golden("tiny_video/instances.json"), golden("tiny_video/JPEGImages/vid_short"));
    let more = ["--classes", &classes, "--overlay-threshold", "0"];
    let done = predict(&out, &more, &[&long_video(), &short]);
    assert!(done.status.success(), "{}", text(&done.stderr));

    let mut expected = read_json(Path::new(&golden("tiny_whole/results.json")));
    for result in expected.as_array_mut().unwrap() {
        result["video_id"] = Value::from(result["video_id"].as_u64().unwrap() - 16);
    }
    let mut found = read_json(&out.join("results.json"));
    for (found, expected) in
        found.as_array_mut().unwrap().iter_mut().zip(expected.as_array().unwrap())
    {
        let score = |value: &Value| value["score"].as_f64().unwrap();
        assert!((score(found) - score(expected)).abs() < 1e-5);
        found["score"] = expected["score"].clone();
    }
    assert_eq!(found, expected);

    let table = text(&done.stdout);
    assert!(table.contains("cat_c") && table.contains("tracks"), "{table}");
    let names = files_below(&out);
    let is_there = |name: &str| names.iter().any(|found| found == name);
    assert!(is_there("tracks.jsonl") && is_there("vid_long/overlay_00010.jpg"), "{names:?}");
    assert!(is_there("vid_short.mp4") || is_there("vid_short.gif"), "{names:?}");
    assert!(names.iter().all(|name| !name.ends_with(".tmp")), "{names:?}");
}

/// How many pixels of a track may differ from the reference's, or with another number of threads or frames: logits there are
/// zero up to the order of sums.
const MAX_PIXELS_APART: u64 = 5;

/// Pixels that only one of two masks has, each as a result has it; null is an empty mask.
fn pixels_apart(a: &Value, b: &Value) -> u64 {
    let mask = |of: &Value| {
        let size = of["size"].as_array()?;
        let side = |index: usize| size[index].as_u64().unwrap() as u32;
        let size = ImageSize { height: side(0), width: side(1) };
        Some(Rle::parse_compressed(size, of["counts"].as_str().unwrap()).unwrap())
    };
    match (mask(a), mask(b)) {
        (Some(a), Some(b)) => a.area() + b.area() - 2 * a.intersection_area(&b).unwrap(),
        (None, None) => 0,
        (Some(one), None) | (None, Some(one)) => one.area(),
    }
}

/// Compares the masks of a track.
fn check_masks(found: &Value, expected: &Value, case: &str) {
    let masks = |of: &Value| of["segmentations"].as_array().unwrap().clone();
    let (found_masks, expected_masks) = (masks(found), masks(expected));
    assert_eq!(found_masks.len(), expected_masks.len(), "{case}");
    let pairs = found_masks.iter().zip(&expected_masks);
    let apart: u64 = pairs.map(|(found, expected)| pixels_apart(found, expected)).sum();
    assert!(apart <= MAX_PIXELS_APART, "{case}: {apart} pixels: {found} for {expected}");
}

/// Compares `results.json` of one video with its results in the golden file of a case.
fn check_results(out: &Path, case: &str, video_id: u64) {
    let golden = read_json(Path::new(&golden(&format!("{case}/results.json"))));
    let golden = golden.as_array().unwrap().iter();
    let of_video = golden.filter(|result| result["video_id"] == video_id);
    let expected = Value::Array(of_video.cloned().collect());
    check_same(&read_json(&out.join("results.json")), &expected, case);
}

#[test]
fn clips_give_the_results_of_the_reference_and_a_line_for_every_frame() {
    let folder = TempDir::new().unwrap();
    let classes = golden("tiny_video/instances.json");
    let more = ["--no-overlay", "--classes", &classes, "--clip-length", "4", "--clip-stride", "3"];
    let done = predict(folder.path(), &more, &[&long_video()]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    check_results(folder.path(), "tiny_clip_L4S3", 17);
    let lines = fs::read_to_string(folder.path().join("vid_long.frames.jsonl")).unwrap();
    let frames: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(frames.len(), 11);
    let tracks = fs::read_to_string(folder.path().join("tracks.jsonl")).unwrap();
    for track in tracks.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        for (index, frame) in frames.iter().enumerate() {
            assert_eq!(frame["frame"], index);
            let mut on_frame = frame["tracks"].as_array().unwrap().iter();
            let own = on_frame.find(|found| found["track_id"] == track["track_id"]);
            let area = own.map_or(Value::from(0), |own| own["area"].clone());
            assert_eq!(area, track["areas"][index]);
        }
    }
}

/// Runs `seqformer` with `input` on its standard input.
fn seqformer_reading(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("its standard input is a pipe");
    stdin.write_all(input).expect("the program reads to the end");
    drop(stdin);
    child.wait_with_output().expect("the program ends")
}

#[test]
fn pictures_may_come_through_a_pipe() {
    let mut stream = Vec::new();
    let mut names: Vec<PathBuf> =
        fs::read_dir(long_video()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    for path in names {
        let image = read_image(&path).unwrap().image;
        stream.extend(format!("P6 {} {} 255\n", image.size.width, image.size.height).into_bytes());
        stream.extend(image.pixels);
    }
    let folder = TempDir::new().unwrap();
    let (config, weights) = (golden("tiny_config.yaml"), golden("tiny_model.pth"));
    let (classes, output) = (golden("tiny_video/instances.json"), display(folder.path()));
    let arguments = [
        "predict",
        "--config-file",
        &config,
        "--weights",
        &weights,
        "--output",
        &output,
        "--device",
        "cpu",
        "--classes",
        &classes,
        "-",
        "MODEL.SeqFormer.CLIP_MATCHING",
        "True",
    ];
    let done = seqformer_reading(&arguments, &stream);
    assert!(done.status.success(), "{}", text(&done.stderr));
    check_results(folder.path(), "tiny_clip_L5S1", 17);
    let names = files_below(folder.path());
    assert_eq!(names, ["pipe.frames.jsonl", "results.json", "tracks.jsonl", "videos.json"]);
}

#[test]
fn tracks_have_boxes_and_areas_of_their_masks() {
    let folder = TempDir::new().unwrap();
    let done =
        predict(folder.path(), &["--no-overlay", "--json", "--max-tracks", "3"], &[&long_video()]);
    let summary: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(summary["videos"][0]["frames"], 11);
    assert_eq!(summary["videos"][0]["overlay"], Value::Null);
    let lines = fs::read_to_string(folder.path().join("tracks.jsonl")).unwrap();
    let tracks: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!((1..=3).contains(&tracks.len()));
    for track in &tracks {
        let areas: Vec<u64> =
            track["areas"].as_array().unwrap().iter().map(|area| area.as_u64().unwrap()).collect();
        assert_eq!(areas.len(), 11);
        for (area, around) in areas.iter().zip(track["boxes"].as_array().unwrap()) {
            let side = |index: usize| around[index].as_f64().unwrap();
            assert_eq!(*area == 0, around.is_null());
            assert!(*area == 0 || side(2) * side(3) >= *area as f64);
        }
        let first = areas.iter().position(|area| *area > 0).map(|frame| frame as u64);
        assert_eq!(track["first_frame"].as_u64(), first);
        assert_eq!(track["video"], "vid_long");
    }
}

#[test]
fn a_higher_threshold_keeps_the_better_results() {
    let scores = |more: &[&str]| -> Vec<f64> {
        let folder = TempDir::new().unwrap();
        let done = predict(folder.path(), &[&["--no-overlay"], more].concat(), &[&long_video()]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        let results = read_json(&folder.path().join("results.json"));
        results.as_array().unwrap().iter().map(|result| result["score"].as_f64().unwrap()).collect()
    };
    let all = scores(&[]);
    let kept = scores(&["--score-threshold", "0.2"]);
    assert_eq!(kept, all.iter().copied().filter(|score| *score > 0.2).collect::<Vec<_>>());
    assert!(kept.len() < all.len());
}

/// The number that an error names as enough.
fn enough_mib(message: &str) -> u64 {
    let (_, rest) = message.split_once("at least ").expect("the message names what is needed");
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

/// Compares results of the same video. Products of other sizes round differently in the last digits.
fn check_same(found: &Value, expected: &Value, case: &str) {
    let (found, expected) = (found.as_array().unwrap(), expected.as_array().unwrap());
    assert_eq!(found.len(), expected.len(), "{case}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found["category_id"], expected["category_id"], "{case}");
        check_masks(found, expected, case);
        let score = |value: &Value| value["score"].as_f64().unwrap();
        assert!((score(found) - score(expected)).abs() < 1e-5, "{case}");
    }
}

#[test]
fn less_memory_and_more_threads_change_no_result() {
    let results = |more: &[&str]| {
        let folder = TempDir::new().unwrap();
        let done = predict(folder.path(), &[&["--no-overlay"], more].concat(), &[&long_video()]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        read_json(&folder.path().join("results.json"))
    };
    for clips in [&[][..], &["--clip-length", "4", "--clip-stride", "3"]] {
        let with = |more: &[&'static str]| [clips, more].concat();
        let folder = TempDir::new().unwrap();
        let refused = predict(folder.path(), &with(&["--max-memory", "1MiB"]), &[&long_video()]);
        let message = text(&refused.stderr);
        assert!(!refused.status.success() && !message.contains("panicked"), "{message}");
        // A little more, because not every start of a program takes the same.
        let least = format!("{}MiB", enough_mib(&message) + 8);
        let all = results(clips);
        check_same(&results(&[clips, &["--max-memory", &least]].concat()), &all, &least);
        check_same(&results(&with(&["--max-memory", "64GiB"])), &all, "64 GiB");
        check_same(&results(&with(&["--threads", "3"])), &all, "3 threads");
    }
}

/// A frame folder of the given images.
fn folder_of(images: &[(&str, Vec<u8>)]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let frames = folder.path().join("frames");
    fs::create_dir(&frames).unwrap();
    for (name, bytes) in images {
        fs::write(frames.join(name), bytes).unwrap();
    }
    (folder, frames)
}

fn jpeg(height: u32, width: u32) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("image.jpg");
    seqformer_video::write_jpeg(&path, &RgbImage::new(ImageSize { height, width })).unwrap();
    fs::read(path).unwrap()
}

#[test]
fn inputs_that_cannot_be_used_are_named_and_leave_nothing() {
    let whole = jpeg(48, 64);
    let (_mixed, mixed) = folder_of(&[("0.jpg", whole.clone()), ("1.jpg", jpeg(48, 80))]);
    let (_cut, cut) =
        folder_of(&[("0.jpg", whole.clone()), ("1.jpg", whole[..whole.len() / 2].to_vec())]);
    let (_empty, empty) = folder_of(&[]);
    let (_words, words) = folder_of(&[("0.jpg", b"words".to_vec())]);
    let missing = mixed.join("nowhere");
    let cases = [
        (&mixed, "1.jpg"),
        (&cut, "1.jpg"),
        (&empty, "frames"),
        (&words, "0.jpg"),
        (&missing, "nowhere"),
    ];
    for (input, expected) in cases {
        let folder = TempDir::new().unwrap();
        let done = predict(folder.path(), &[], &[&display(input)]);
        let message = text(&done.stderr);
        assert!(!done.status.success() && message.contains(expected), "{message}");
        assert!(!message.contains("panicked"), "{message}");
        assert_eq!(files_below(folder.path()), Vec::<String>::new(), "{message}");
    }
}

#[test]
fn a_failing_input_does_not_stop_the_others() {
    let (_words, words) = folder_of(&[("0.jpg", b"words".to_vec())]);
    let folder = TempDir::new().unwrap();
    let done =
        predict(folder.path(), &["--no-overlay", "--json"], &[&display(&words), &long_video()]);
    assert!(!done.status.success());
    let summary: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(summary["failed"].as_array().unwrap().len(), 1);
    let results = read_json(&folder.path().join("results.json"));
    assert!(results.as_array().unwrap().iter().all(|result| result["video_id"] == 2));
}

#[test]
fn videos_that_are_decoded_ahead_change_nothing_for_the_others() {
    let image = |path: &str| fs::read(golden(path)).unwrap();
    let good = image("tiny_video/JPEGImages/vid_short/00000.png");
    let (_words, words) = folder_of(&[("0.png", b"words".to_vec())]);
    let (_ends, ends) = folder_of(&[("0.png", good), ("1.png", b"words".to_vec())]);
    let short = golden("tiny_video/JPEGImages/vid_short");
    let folder = TempDir::new().unwrap();
    let run = |name: &str, inputs: &[&str]| {
        let out = folder.path().join(name);
        let done = predict(&out, &["--no-overlay", "--json"], inputs);
        (read_json(&out.join("results.json")), done)
    };
    let (words, ends) = (display(&words), display(&ends));
    let (found, done) = run("all", &[&long_video(), &words, &ends, &short]);
    assert!(!done.status.success());
    let of = |results: &Value, video_id: u64| -> Vec<Value> {
        let mut results = results.as_array().unwrap().clone();
        results.retain(|result| result["video_id"] == video_id);
        for result in &mut results {
            result["video_id"] = Value::Null;
        }
        results
    };
    for (video_id, alone) in [(1, long_video()), (4, short)] {
        let (expected, done) = run(&format!("alone_{video_id}"), &[&alone]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        assert!(!of(&expected, 1).is_empty());
        assert_eq!(of(&found, video_id), of(&expected, 1), "video {video_id}");
    }
    // Each failure is reported in its turn, with the file.
    let said = text(&done.stderr);
    let place = |file: String| said.find(&file).unwrap_or_else(|| panic!("{file}: {said}"));
    assert!(place(format!("{words}/0.png")) < place(format!("{ends}/1.png")));
    let summary: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(summary["failed"].as_array().unwrap().len(), 2);
}

#[test]
#[cfg(unix)]
fn pictures_that_cannot_be_written_do_not_cost_the_results() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().unwrap();
    let broken = folder.path().join("ffmpeg");
    fs::write(&broken, "#!/bin/sh\nexit 3\n").unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
    let (out, ffmpeg) = (folder.path().join("found"), display(&broken));
    let short = golden("tiny_video/JPEGImages/vid_short");
    let more = ["--overlay-threshold", "0", "--ffmpeg", &ffmpeg];
    let done = predict(&out, &more, &[&long_video(), &short]);
    let message = text(&done.stderr);
    assert!(!done.status.success() && message.contains("vid_long.mp4"), "{message}");
    let results = read_json(&out.join("results.json"));
    let of_video = |id: u64| {
        results.as_array().unwrap().iter().filter(|result| result["video_id"] == id).count()
    };
    assert!(of_video(1) > 0 && of_video(2) > 0);
    // With another ffmpeg the same command draws what is missing.
    let done = predict(&out, &["--overlay-threshold", "0"], &[&long_video(), &short]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(read_json(&out.join("results.json")), results);
    let names = files_below(&out);
    assert!(names.iter().any(|name| name.starts_with("vid_short/overlay_")), "{names:?}");
}

#[test]
fn a_folder_of_somebody_else_stays_and_the_pictures_get_another_name() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("vid_short")).unwrap();
    fs::write(folder.path().join("vid_short/diary.txt"), "keep me").unwrap();
    let short = golden("tiny_video/JPEGImages/vid_short");
    let done = predict(folder.path(), &["--overlay-threshold", "0"], &[&short]);
    let message = text(&done.stderr);
    assert!(done.status.success() && message.contains("vid_short_overlay"), "{message}");
    let names = files_below(folder.path());
    assert!(names.iter().any(|name| name == "vid_short/diary.txt"), "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("vid_short_overlay/overlay_")), "{names:?}");
}

#[test]
fn unusual_images_are_made_usable() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seqformer-data/tests/fixtures");
    for name in ["cmyk.jpg", "grey.jpg", "orientation_6.jpg", "grey16.png", "palette.png"] {
        let path = fixtures.join(name);
        let folder = TempDir::new().unwrap();
        let done = predict(folder.path(), &["--no-overlay"], &[&display(&path)]);
        assert!(done.status.success(), "{name}: {}", text(&done.stderr));
        let size = read_image(&path).unwrap().image.size;
        let results = read_json(&folder.path().join("results.json"));
        for result in results.as_array().unwrap() {
            assert_eq!(
                result["segmentations"][0]["size"],
                serde_json::json!([size.height, size.width]),
                "{name}"
            );
        }
    }
}

#[test]
fn frames_smaller_than_one_cell_of_the_network_are_fine() {
    let (_folder, frames) = folder_of(&[("0.jpg", jpeg(20, 30)), ("1.jpg", jpeg(20, 30))]);
    let folder = TempDir::new().unwrap();
    let inputs = [display(&frames), "INPUT.MIN_SIZE_TEST".to_owned(), "0".to_owned()];
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let done = predict(folder.path(), &["--no-overlay"], &inputs);
    assert!(done.status.success(), "{}", text(&done.stderr));
}

#[test]
fn checkpoints_of_something_else_are_refused_with_the_reason() {
    let fixtures =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../seqformer-checkpoint/tests/fixtures");
    let folder = TempDir::new().unwrap();
    let cut = folder.path().join("cut.pth");
    let whole = fs::read(golden("tiny_model.pth")).unwrap();
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let cases = [
        (fixtures.join("evil_system_zip.pth"), "system"),
        (fixtures.join("tiny_zip.pth"), "do not belong to this model"),
        (cut, "cut.pth"),
        (folder.path().join("nowhere.pth"), "nowhere.pth"),
    ];
    for (weights, expected) in cases {
        let done = predict(folder.path(), &["--weights", &display(&weights)], &[&long_video()]);
        let message = text(&done.stderr);
        assert!(!done.status.success() && message.contains(expected), "{message}");
        assert!(
            message.contains(&weights.file_name().unwrap().to_string_lossy().into_owned()),
            "{message}"
        );
        assert!(!message.contains("panicked"), "{message}");
    }
    let done = predict(folder.path(), &[], &[&long_video(), "MODEL.SeqFormer.NUM_CLASSES", "42"]);
    let message = text(&done.stderr);
    assert!(
        !done.status.success() && message.contains("5 classes") && message.contains("42"),
        "{message}"
    );
}

#[test]
fn mistakes_on_the_command_line_are_explained() {
    let folder = TempDir::new().unwrap();
    let long = long_video();
    let cases: [(&[&str], &str); 4] = [
        (&[&long, "MODEL.SeqFormer.NUM_CLASES", "5"], "did you mean MODEL.SeqFormer.NUM_CLASSES"),
        (&[&long, "MODEL.SeqFormer.NUM_CLASSES"], "no value"),
        (&[&long, "MODEL.SeqFormer.NUM_CLASSES", "many"], "expected"),
        (&[&long, "--jsn"], "--jsn"),
    ];
    for (inputs, expected) in cases {
        let done = predict(folder.path(), &[], inputs);
        let message = text(&done.stderr);
        assert!(!done.status.success() && message.contains(expected), "{message}");
    }
    let done = predict(folder.path(), &["--device", "cuda:99"], &[&long]);
    assert!(
        !done.status.success() && text(&done.stderr).contains("cuda:99"),
        "{}",
        text(&done.stderr)
    );
    let done = predict(folder.path(), &["--precision", "tf32"], &[&long]);
    let message = text(&done.stderr);
    assert!(!done.status.success() && message.contains("only GPUs support TF32"), "{message}");
}

#[test]
fn weights_of_wrapped_networks_give_the_same_results_and_broken_ones_none() {
    let folder = tempfile::tempdir().unwrap();
    let whole = seqformer_checkpoint::read(Path::new(&golden("tiny_model.pth"))).unwrap();
    let video = golden("tiny_video/JPEGImages/vid_short");
    let run = |weights: &str, name: &str| {
        let out = folder.path().join(name);
        let done = predict(&out, &["--weights", weights, "--no-overlay"], &[&video]);
        (done.status.success(), text(&done.stderr), fs::read(out.join("results.json")).ok())
    };
    let (ok, said, expected) = run(&golden("tiny_model.pth"), "plain");
    assert!(ok && !said.contains("off every name"), "{said}");
    let path = display(&folder.path().join("weights.pth"));
    let wrapped: Vec<(String, seqformer_checkpoint::Value)> = whole
        .iter()
        .map(|(name, array)| {
            let value = seqformer_checkpoint::Value::Tensor(array.clone());
            (format!("model._orig_mod.{name}"), value)
        })
        .collect();
    let wrapped = seqformer_checkpoint::Value::dict(wrapped);
    let both = seqformer_checkpoint::Value::dict([("ema_state_dict", wrapped)]);
    seqformer_checkpoint::write_pth(Path::new(&path), &both).unwrap();
    let (ok, said, found) = run(&path, "wrapped");
    assert!(ok && found == expected, "{said}");
    for remark in ["took \"model._orig_mod.\" off every name", "the averaged weights under"] {
        assert!(said.contains(remark), "{said}, not {remark}");
    }

    let mut broken = whole;
    let name = "detr.detr.backbone.0.backbone.stem.conv1.weight";
    let array = broken.get(name).unwrap();
    let (mut values, shape) = (array.to_f32_vec(), array.shape().to_vec());
    values[0] = f32::NAN;
    let expected = format!("{name:?}: 1 of {} values (1 NaN)", values.len());
    broken.insert(name, seqformer_checkpoint::Array::from_f32(&shape, &values).unwrap());
    broken.metadata.clear();
    let path = display(&folder.path().join("broken.safetensors"));
    seqformer_checkpoint::write_safetensors(Path::new(&path), &broken).unwrap();
    let (ok, said, found) = run(&path, "broken");
    assert!(!ok && found.is_none() && said.contains(&expected), "{said}, not {expected}");
    assert!(said.contains("broken.safetensors"), "{said}");
}
