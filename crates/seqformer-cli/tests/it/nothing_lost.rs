//! Commands that write lose nothing: neither what is there, nor what is finished.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use seqformer_data::RgbImage;
use seqformer_files::FolderLock;
use seqformer_masks::ImageSize;
use serde_json::Value;
use tempfile::TempDir;

use crate::{command, display, golden, text};

/// `predict` with the tiny model, not started yet; `more` are options and inputs in any order.
fn predict(output: &Path, more: &[&str]) -> Command {
    let (config, weights, output) =
        (golden("tiny_config.yaml"), golden("tiny_model.pth"), display(output));
    let own = ["predict", "--config-file", &config, "--weights", &weights, "--output", &output];
    command(&[&own[..], &["--device", "cpu"], more].concat())
}

/// Runs it to its end and returns its success and all that it said.
fn run(output: &Path, more: &[&str]) -> (bool, String) {
    let done = predict(output, more).output().unwrap();
    let said = text(&done.stdout) + &text(&done.stderr);
    assert!(!said.contains("panicked"), "{said}");
    (done.status.success(), said)
}

/// A folder `name` with frames `PREFIX0.jpg` and so on.
fn frames(parent: &Path, name: &str, prefix: &str, count: u32) -> String {
    let folder = parent.join(name);
    fs::create_dir_all(&folder).unwrap();
    for index in 0..count {
        let mut image = RgbImage::new(ImageSize { height: 48, width: 64 });
        let shift = name.bytes().map(usize::from).sum::<usize>() + index as usize;
        for (at, pixel) in image.pixels.iter_mut().enumerate() {
            *pixel = ((at + 40 * shift) * 7 % 251) as u8;
        }
        seqformer_video::write_jpeg(&folder.join(format!("{prefix}{index}.jpg")), &image).unwrap();
    }
    display(&folder)
}

/// All files below a folder with their bytes.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push((path.strip_prefix(folder).unwrap().into(), fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

fn names(folder: &Path) -> Vec<String> {
    content(folder).into_iter().map(|(path, _)| display(&path)).collect()
}

fn videos_of(results: &Path) -> Vec<u64> {
    let results: Vec<Value> = serde_json::from_slice(&fs::read(results).unwrap()).unwrap();
    let mut ids: Vec<u64> = results.iter().map(|row| row["video_id"].as_u64().unwrap()).collect();
    ids.dedup();
    ids
}

#[test]
fn the_same_command_goes_on_and_another_one_moves_the_results_aside() {
    let folder = TempDir::new().unwrap();
    let (one, two) = (frames(folder.path(), "one", "", 2), frames(folder.path(), "two", "", 2));
    let out = folder.path().join("out");
    let (good, said) = run(&out, &["--overlay-threshold", "0", &one]);
    assert!(good, "{said}");
    let first = content(&out);
    assert!(first.len() >= 6, "{:?}", names(&out));

    let (good, said) = run(&out, &["--overlay-threshold", "0", &one]);
    assert!(good && said.contains("finished by an earlier run"), "{said}");
    assert!(content(&out) == first, "the same command has changed files: {:?}", names(&out));
    let done = predict(&out, &["--overlay-threshold", "0", "--json", &one]).output().unwrap();
    let summary: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(
        (&summary["videos"][0]["kept"], &summary["videos"][0]["frames"]),
        (&true.into(), &2.into())
    );

    // One more input: what is done stays.
    let (good, said) = run(&out, &["--overlay-threshold", "0", &one, &two]);
    assert!(good && said.contains("one: 2 frames of 64x48, finished by an earlier run"), "{said}");
    assert_eq!(videos_of(&out.join("results.json")), [1, 2]);
    let record: Value =
        serde_json::from_slice(&fs::read(out.join("videos.json")).unwrap()).unwrap();
    assert_eq!(record["videos"][1]["input"], two);
    assert_eq!(record["videos"][1]["video_id"], 2);
    let both = content(&out);

    // Another threshold, or another input in its place: nothing of the earlier run is lost.
    let (good, said) = run(&out, &["--overlay-threshold", "0.01", &two]);
    assert!(good && said.contains("earlier_1"), "{said}");
    assert_eq!(videos_of(&out.join("results.json")), [1]);
    let aside = content(&out.join("earlier_1"));
    assert!(aside == both, "{:?}", names(&out));
    // Unless that is what the user wants.
    let (good, said) = run(&out, &["--no-overlay", "--overwrite", &one]);
    assert!(good && !out.join("earlier_2").exists(), "{said}");
    assert_eq!(videos_of(&out.join("results.json")), [1]);
}

#[test]
fn a_changed_input_is_no_longer_the_same_run() {
    let folder = TempDir::new().unwrap();
    let one = frames(folder.path(), "one", "", 2);
    let out = folder.path().join("out");
    assert!(run(&out, &["--no-overlay", &one]).0);
    frames(folder.path(), "one", "", 3);
    let (good, said) = run(&out, &["--no-overlay", &one]);
    assert!(good && said.contains("earlier_1") && said.contains("3 frames"), "{said}");
}

#[test]
fn pictures_never_replace_the_input_or_a_file_of_somebody_else() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    // Frames that look like pictures of ours, and a film: both beside their results.
    let input = frames(at, "overlay", "overlay_0000", 2);
    let before = content(&at.join("overlay"));
    fs::write(at.join("overlay.gif"), "a film of somebody").unwrap();
    for more in [&["--ffmpeg", "/nowhere/ffmpeg"][..], &["--overwrite"]] {
        let (good, said) = run(at, &[more, &["--overlay-threshold", "0", &input]].concat());
        assert!(good && said.contains("overlay_overlay"), "{said}");
        assert!(content(&at.join("overlay")) == before, "the input has changed");
        assert!(at.join("overlay_overlay/overlay_00001.jpg").exists(), "{:?}", names(at));
    }
    assert_eq!(fs::read(at.join("overlay.gif")).unwrap(), b"a film of somebody");
}

#[test]
fn results_of_somebody_else_are_replaced_only_when_that_is_asked_for() {
    let folder = TempDir::new().unwrap();
    let one = frames(folder.path(), "one", "", 1);
    let out = folder.path().join("out");
    for name in ["results.json", "tracks.jsonl", "videos.json"] {
        fs::create_dir_all(&out).unwrap();
        fs::write(out.join(name), "mine").unwrap();
        let (good, said) = run(&out, &["--no-overlay", &one]);
        assert!(!good && said.contains(name) && said.contains("--overwrite"), "{said}");
        assert_eq!(fs::read(out.join(name)).unwrap(), b"mine");
        assert_eq!(names(&out), [name]);
        let (good, said) = run(&out, &["--no-overlay", "--overwrite", &one]);
        assert!(good && videos_of(&out.join("results.json")) == [1], "{said}");
        fs::remove_dir_all(&out).unwrap();
    }
}

#[test]
fn a_folder_in_use_is_refused_and_nobody_loses_a_row() {
    let folder = TempDir::new().unwrap();
    let (one, two) = (frames(folder.path(), "one", "", 2), frames(folder.path(), "two", "", 2));
    let out = folder.path().join("out");
    let lock = FolderLock::take(&out).unwrap();
    let (good, said) = run(&out, &["--no-overlay", &one]);
    assert!(!good && said.contains("another run is writing to this folder"), "{said}");
    drop(lock);
    for _ in 0..3 {
        let start = |input: &str| -> Child {
            let mut command = predict(&out, &["--no-overlay", input]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let both = [start(&one), start(&two)].map(|child| child.wait_with_output().unwrap());
        let good = both.iter().filter(|done| done.status.success()).count();
        let said = both.map(|done| text(&done.stderr)).concat();
        let kept = |name: &str| fs::read(out.join(name)).map_or(0, |text| text.len());
        // Either one was refused, or one came after the other and moved its results aside.
        let is_refused = good == 1 && said.contains("another run is writing");
        let is_aside = good == 2 && kept("earlier_1/results.json") > 2;
        assert!(is_refused || is_aside, "{said}");
        assert!(kept("results.json") > 2, "{said}");
        fs::remove_dir_all(&out).unwrap();
    }
}

/// Waits until `is_there` or for a minute.
fn wait_for(mut is_there: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !is_there() {
        if start.elapsed() > Duration::from_mins(1) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

#[test]
fn a_batch_that_is_killed_again_and_again_ends_as_an_undisturbed_one() {
    let folder = TempDir::new().unwrap();
    let inputs: Vec<String> =
        ["one", "two", "three"].map(|name| frames(folder.path(), name, "", 3)).into();
    let more: Vec<&str> =
        ["--overlay-threshold", "0"].into_iter().chain(inputs.iter().map(String::as_str)).collect();
    let whole = folder.path().join("whole");
    let start = Instant::now();
    let (good, said) = run(&whole, &more);
    assert!(good, "{said}");
    let secs = start.elapsed().as_secs_f64();

    let out = folder.path().join("killed");
    let mut rows = 0;
    for part in 1..=5 {
        let mut child =
            predict(&out, &more).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs_f64(secs * f64::from(part) / 6.0));
        child.kill().unwrap();
        child.wait().unwrap();
        // What is there is whole, and never becomes less.
        if let Ok(results) = fs::read(out.join("results.json")) {
            let found: Vec<Value> = serde_json::from_slice(&results).unwrap();
            assert!(found.len() >= rows, "{} rows after {rows}", found.len());
            rows = found.len();
        }
    }
    let (good, said) = run(&out, &more);
    assert!(good, "{said}");
    for name in ["results.json", "tracks.jsonl", "videos.json"] {
        let read = |folder: &Path| fs::read(folder.join(name)).unwrap();
        assert!(read(&out) == read(&whole), "{name} differs");
    }
    assert_eq!(names(&out), names(&whole));
    assert_eq!(videos_of(&out.join("results.json")), [1, 2, 3]);
}

#[test]
#[cfg(unix)]
fn a_signal_ends_a_batch_cleanly_and_keeps_what_is_done() {
    let folder = TempDir::new().unwrap();
    let (one, two) = (frames(folder.path(), "one", "", 2), frames(folder.path(), "two", "", 60));
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let out = folder.path().join(format!("out{signal}"));
        let mut child = predict(&out, &["--overlay-threshold", "0", &one, &two])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let is_done = wait_for(|| out.join("one").exists() || child_has_ended(child.id()));
        assert!(is_done, "the first video takes too long");
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert!(wait_for(|| child.try_wait().unwrap().is_some()));
        let done = child.wait_with_output().unwrap();
        let said = text(&done.stdout) + &text(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{said}");
        assert!(said.contains("stopped; repeat the command to resume"), "{said}");
        // The log tells of the first video although the run did not end.
        assert!(said.contains("one: 2 frames"), "{said}");
        assert!(videos_of(&out.join("results.json")).starts_with(&[1]));
        let hidden = names(&out).into_iter().find(|name| name.starts_with('.'));
        assert_eq!(hidden, None);
    }
}

#[cfg(unix)]
fn child_has_ended(id: u32) -> bool {
    !Path::new("/proc").join(id.to_string()).exists()
}

#[test]
fn one_missing_input_does_not_end_a_batch_and_options_may_follow_the_inputs() {
    let folder = TempDir::new().unwrap();
    let one = frames(folder.path(), "one", "", 1);
    let out = folder.path().join("out");
    let missing = display(&folder.path().join("CLIP.MP4"));
    let more = [missing.as_str(), &one, "--no-overlay", "SEED", "-1", "--json"];
    let done = predict(&out, &more).output().unwrap();
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("CLIP.MP4") && said.contains("no such file"), "{said}");
    let summary: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(summary["failed"][0]["input"], missing);
    assert_eq!(summary["videos"][0]["video_id"], 2);
    assert_eq!(videos_of(&out.join("results.json")), [2]);
    let record: Value =
        serde_json::from_slice(&fs::read(out.join("videos.json")).unwrap()).unwrap();
    assert_eq!(record["videos"][0]["state"], "failed");
    // Alone, it leaves nothing.
    let nowhere = folder.path().join("nowhere");
    let (good, said) = run(&nowhere, &["CLIP.MP4", "frames/%05d.png"]);
    assert!(!good && said.contains("give the folder, frames"), "{said}");
    assert!(!said.contains("did you mean") && !nowhere.exists(), "{said}");
}

#[test]
fn an_input_that_can_no_longer_be_opened_is_said_and_its_results_stay() {
    use seqformer_video::{FfmpegLocation, FrameSink};
    let ffmpeg = FfmpegLocation::find(None);
    if ffmpeg.path().is_none() {
        assert!(std::env::var_os("CI").is_none(), "ffmpeg is needed in CI");
        eprintln!("SKIPPED: there is no ffmpeg");
        return;
    }
    let folder = TempDir::new().unwrap();
    let one = frames(folder.path(), "one", "", 1);
    let mut film = FrameSink::video(&folder.path().join("film.mp4"), 5.0, &ffmpeg).unwrap();
    film.write(&RgbImage::new(ImageSize { height: 48, width: 64 })).unwrap();
    let film = display(&film.finish().unwrap().path);
    let out = folder.path().join("out");
    assert!(run(&out, &["--no-overlay", &one, &film]).0);
    let before = fs::read(out.join("results.json")).unwrap();
    let done =
        predict(&out, &["--no-overlay", "--ffmpeg", "/nowhere/ffmpeg", "--json", &one, &film])
            .output()
            .unwrap();
    assert_eq!(done.status.code(), Some(1), "{}", text(&done.stderr));
    let summary: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(summary["failed"][0]["input"], film);
    assert_eq!(fs::read(out.join("results.json")).unwrap(), before);
}

#[test]
fn options_of_zero_and_clips_with_gaps_are_named() {
    let folder = TempDir::new().unwrap();
    let one = frames(folder.path(), "one", "", 1);
    let cases: [&[&str]; 8] = [
        &["--clip-length", "0"],
        &["--clip-stride", "0"],
        &["--max-tracks", "0"],
        &["--threads", "0"],
        &["--max-memory", "0"],
        &["--max-memory", "1KiB"],
        &["--clip-stride", "3", "--clip-length", "2"],
        &["--clip-stride", "300"],
    ];
    for options in cases {
        let (good, said) = run(folder.path(), &[options, &["--no-overlay", &one]].concat());
        assert!(!good && said.contains(options[0]), "{options:?}: {said}");
    }
}
