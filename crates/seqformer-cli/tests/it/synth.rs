//! `synth --from`, as a user runs it.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::{display, seqformer, text};

/// Writes eight pictures of shapes, and returns the COCO file and the folder of the pictures.
fn pictures(folder: &Path) -> [String; 2] {
    let output = display(folder);
    let shapes =
        ["synth", "--layout", "coco", "--videos", "8", "--size", "120x90", "--output", &output];
    let done = seqformer(&shapes);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let train = folder.join("coco");
    [train.join("annotations/instances_train2017.json"), train.join("train2017")]
        .map(|path| display(&path))
}

#[test]
fn pictures_become_videos_that_have_no_fault() {
    let folder = TempDir::new().unwrap();
    let [json, images] = pictures(folder.path());
    let output = folder.path().join("moving");
    let (train, frames) =
        (display(&output.join("train.json")), display(&output.join("JPEGImages")));
    let output = display(&output);
    let options = ["--videos", "2", "--frames", "4..4", "--size", "64", "--objects", "1..2"];
    let from = ["synth", "--from", &json, "--images", &images, "--output", &output];
    let make = [&from[..], &options[..]].concat();
    let done = seqformer(&make);
    let said = text(&done.stderr);
    assert!(done.status.success() && said.contains("can be cut out; left out: 0 crowds"), "{said}");
    assert_eq!(text(&done.stdout), format!("{train}\n"));
    let check = seqformer(&["data", "check", &train, "--images", &frames]);
    assert!(check.status.success() && check.stdout.is_empty(), "{}", text(&check.stdout));
    let again = text(&seqformer(&make).stderr);
    assert!(again.contains("train.json: already exists"), "{again}");
}

#[test]
fn options_of_shapes_and_of_pictures_are_told_apart() {
    let folder = TempDir::new().unwrap();
    let output = display(&folder.path().join("new"));
    let json = display(&folder.path().join("pictures.json"));
    fs::write(&json, "[]").unwrap();
    let check = |more: &[&str], expected: &str| {
        let done = seqformer(&[&["synth", "--videos", "2", "--output", &output], more].concat());
        let said = text(&done.stderr);
        assert!(!done.status.success() && said.contains(expected), "{more:?}: {said}");
        assert!(!folder.path().join("new").exists(), "{more:?}");
    };
    check(&["--size", "240"], "--size 240: expected width and height");
    check(&["--from", &json, "--size", "64x48"], "--size 64x48: expected the short side");
    check(&["--from", &json, "--layout", "coco"], "cannot be used with");
    check(&["--objects", "1..2"], "--from");
    check(&["--from", &json, "--frames", "9..3"], "a range from at least 1");
    check(&["--from", &json], "pictures.json");
}
