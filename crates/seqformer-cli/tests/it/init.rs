//! `seqformer init`: from annotations and frames to a configuration that trains.

#[cfg(feature = "torch")]
use std::fs;
use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::{command, text};

/// Runs a command in a folder.
fn run_in(folder: &Path, arguments: &[&str]) -> Output {
    command(arguments).current_dir(folder).output().expect("the program starts")
}

/// A folder with a synthetic dataset of six videos.
fn dataset() -> TempDir {
    let folder = TempDir::new().unwrap();
    let done = run_in(
        folder.path(),
        &[
            "synth",
            "--output",
            "data",
            "--videos",
            "6",
            "--val-videos",
            "1",
            "--size",
            "48x40",
            "--frames",
            "2..3",
        ],
    );
    assert!(done.status.success(), "{}", text(&done.stderr));
    folder
}

const INIT: [&str; 5] =
    ["init", "--data", "data/annotations/train.json", "--frames", "data/train/JPEGImages"];

#[test]
fn without_timing_a_configuration_is_made_and_says_what_is_not_known() {
    let folder = dataset();
    let init = |more: &[&str]| run_in(folder.path(), &[&INIT[..], &["--no-timing"], more].concat());
    let done = init(&["--iterations", "40", "--batch", "3"]);
    let said = text(&done.stderr);
    assert!(done.status.success(), "{said}");
    for part in [
        "read as ytvis",
        "training: 5 videos",
        "validation: 1 videos",
        "random numbers",
        "not measured (--no-timing)",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let file = text(&done.stdout);
    assert!(file.trim().ends_with("seqformer_train/config.yaml"), "{file}");
    let shown = text(&run_in(folder.path(), &["config", "--config-file", file.trim()]).stdout);
    for part in ["IMS_PER_BATCH: 3", "MAX_ITER: 40", "BASE_LR: 0.0002\n", "NUM_CLASSES: 6"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // The first folder stays as it is.
    let again = text(&init(&[]).stdout);
    assert!(again.trim().ends_with("seqformer_train_2/config.yaml"), "{again}");
    let refused = init(&["--output", "seqformer_train"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("expected a new or empty folder"));
}

#[cfg(feature = "torch")]
#[test]
fn iterations_are_timed_and_the_configuration_trains_at_once() {
    let folder = dataset();
    let done = run_in(
        folder.path(),
        &[&INIT[..], &["--output", "new", "--iterations", "2", "--device", "cpu"]].concat(),
    );
    let said = text(&done.stderr);
    assert!(done.status.success(), "{said}");
    // On a busy machine no iteration may end in time, which is said instead.
    let is_busy = said.contains("slow or busy machine");
    assert!(
        is_busy || said.contains("measured here: ") && said.contains("GiB on the CPU"),
        "{said}"
    );
    let mut names: Vec<_> = fs::read_dir(folder.path().join("new"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["base.yaml", "config.yaml", "train.json", "val.json"]);
    let config = fs::read_to_string(folder.path().join("new/config.yaml")).unwrap();
    assert!(config.starts_with("# SeqFormer on data/annotations/train.json"), "{config}");
    // From anywhere, because its paths are absolute.
    let elsewhere = TempDir::new().unwrap();
    let config_file = folder.path().join("new/config.yaml").display().to_string();
    let measured = run_in(
        elsewhere.path(),
        &["bench", "--training", "--config-file", &config_file, "--runs", "1", "--json", "-"],
    );
    let report: serde_json::Value = serde_json::from_slice(&measured.stdout).unwrap();
    let costs = &report["training"];
    for name in ["first_seconds", "seconds_per_iteration", "hours"] {
        assert!(costs[name].as_f64().is_some_and(|number| number > 0.0), "{name}: {costs}");
    }
    assert_eq!((&costs["max_iter"], costs["seconds"].as_array().unwrap().len()), (&2.into(), 1));
    assert!(!folder.path().join("new/run").exists(), "measuring writes nothing");
    let trained =
        run_in(elsewhere.path(), &["train", "--config-file", &config_file, "--device", "cpu"]);
    assert!(trained.status.success(), "{}", text(&trained.stderr));
    assert!(folder.path().join("new/run/model_final.pth").is_file());
}

#[cfg(feature = "torch")]
#[test]
fn a_training_that_cannot_start_is_an_error_and_leaves_nothing() {
    let folder = dataset();
    // Whole for a look at its size, and broken for a training.
    for frames in fs::read_dir(folder.path().join("data/train/JPEGImages")).unwrap() {
        for frame in fs::read_dir(frames.unwrap().path()).unwrap() {
            let path = frame.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let start = bytes.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
            fs::write(&path, &bytes[..start]).unwrap();
        }
    }
    let done = run_in(folder.path(), &[&INIT[..], &["--output", "new"]].concat());
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("error: the training cannot start: ") && said.contains(".jpg"), "{said}");
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "only the data is there");
}
