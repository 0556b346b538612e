//! `data convert` and `data check`, as a user runs them.

use std::fs;

use tempfile::TempDir;

use crate::{display, seqformer, text};

const TRACKS: &str = r#"{
    "videos": [{"id": 1, "height": 2, "width": 4, "length": 2, "file_names": ["street/0.jpg", "street/1.jpg"]}],
    "categories": [{"id": 3, "name": "car"}],
    "annotations": [{"id": 7, "video_id": 1, "category_id": 3, "iscrowd": 0,
        "segmentations": [{"size": [2, 4], "counts": [2, 3, 3]}, null],
        "bboxes": [[1, 0, 2, 2], null], "areas": [3, null]}]}"#;

#[test]
fn annotations_go_into_a_folder_and_come_back() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| display(&folder.path().join(name));
    fs::write(at("train.json"), TRACKS).unwrap();
    let there = ["data", "convert", &at("train.json"), "--to", "mots-png", "--output", &at("mots")];
    let done = seqformer(&there);
    let said = text(&done.stderr);
    assert!(done.status.success(), "{said}");
    assert_eq!(text(&done.stdout), format!("{}\n", at("mots")));
    assert!(
        said.contains("read as ytvis") && said.contains("1 video of 2 frames with 1 object"),
        "{said}"
    );
    let again = text(&seqformer(&there).stderr);
    assert!(again.contains("expected a new or empty folder"), "{again}");
    let back = [
        "data",
        "convert",
        &at("mots"),
        "--from",
        "mots-png",
        "--to",
        "ytvis",
        "--output",
        &at("back.json"),
    ];
    assert!(seqformer(&back).status.success());
    let check = ["data", "check", &at("back.json")];
    let done = seqformer(&check);
    assert!(done.status.success() && done.stdout.is_empty(), "{}", text(&done.stdout));
    let back = fs::read_to_string(at("back.json")).unwrap();
    assert!(back.contains("street/1.jpg") && back.contains("\"car\""), "{back}");
}

#[test]
fn wrong_formats_and_files_are_told_in_one_line() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| display(&folder.path().join(name));
    fs::write(at("train.json"), TRACKS).unwrap();
    fs::write(at("other.json"), "{\"pages\": []}").unwrap();
    fs::write(at("results.json"), r#"[{"video_id": 1, "score": 1, "segmentations": []}]"#).unwrap();
    let check = |input: &str, more: &[&str], expected: &str| {
        let begin = ["data", "convert", &at(input), "--to", "coco", "--output", &at("out.json")];
        let done = seqformer(&[&begin[..], more].concat());
        let said = text(&done.stderr);
        assert!(!done.status.success() && said.contains(expected), "{input} {more:?}: {said}");
        assert!(!folder.path().join("out.json").exists());
    };
    check("train.json", &["--from", "cvat"], "no XML element");
    check("train.json", &["--from", "cocovid"], "images");
    check("train.json", &["--from", "davis"], "PNG");
    check("train.json", &["--from", "spreadsheet"], "possible values");
    check("train.json", &["--size", "12"], "1280x720");
    check("other.json", &[], "JSON with the keys pages");
    check("missing.json", &[], "missing.json");
    check("results.json", &[], "`seqformer results convert` takes");
    check(".", &["--from", "coco"], "a folder");
}

#[test]
fn names_that_cannot_be_written_are_refused_before_the_work() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| display(&folder.path().join(name));
    fs::write(at("train.json"), TRACKS).unwrap();
    fs::write(at("notes"), "mine").unwrap();
    fs::create_dir(at("full")).unwrap();
    let is_file = "notes to be a folder, found a file; choose another name";
    let is_folder = "expected a name for a file, found a folder; choose another name";
    // There is no such input: whoever reads it first has another message.
    let (input, missing) = (at("train.json"), at("missing.json"));
    let cases: [(&[&str], &str, &str); 7] = [
        (&["convert", &missing, "--to", "davis"], "notes/davis", is_file),
        (&["convert", &missing, "--to", "coco"], "notes/coco.json", is_file),
        (&["convert", &missing, "--to", "coco", "--overwrite"], "full", is_folder),
        (&["subset", &missing, "--overwrite"], "full", is_folder),
        (&["merge", &missing, &input], "notes/all.json", is_file),
        (&["split", &missing, "--parts", "a=1,b=1"], "notes", is_file),
        (&["browse", &input], "notes/pages", is_file),
    ];
    for (words, output, expected) in cases {
        let done = seqformer(&[&["data"], words, &["--output", &at(output)]].concat());
        let said = text(&done.stderr);
        assert!(!done.status.success() && said.contains(expected), "{words:?}: {said}");
    }
    assert_eq!(fs::read_to_string(at("notes")).unwrap(), "mine");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn faults_are_listed_and_mended() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| display(&folder.path().join(name));
    let wrong = TRACKS.replace("[3, null]", "[4, null]");
    fs::write(at("train.json"), &wrong).unwrap();
    let done = seqformer(&["data", "check", &at("train.json"), "--json"]);
    assert!(done.status.success(), "a warning is no failure");
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(
        (&report["warnings"], &report["problems"][0]["kind"]),
        (&1.into(), &"area_mismatch".into())
    );
    let done = seqformer(&["data", "check", &at("train.json"), "--fix", &at("train.json")]);
    assert!(text(&done.stderr).contains("never replaced"), "{}", text(&done.stderr));
    assert_eq!(fs::read_to_string(at("train.json")).unwrap(), wrong);
    let done = seqformer(&["data", "check", &at("train.json"), "--fix", &at("mended.json")]);
    assert!(text(&done.stderr).contains("1 entry mended"), "{}", text(&done.stderr));
    let done = seqformer(&["data", "check", &at("mended.json")]);
    assert!(done.status.success() && done.stdout.is_empty(), "{}", text(&done.stdout));
    fs::create_dir(at("images")).unwrap();
    let done = seqformer(&["data", "check", &at("mended.json"), "--images", &at("images")]);
    let said = text(&done.stdout);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(
        said.lines().count() == 2 && said.contains("videos[0] (id 1): frame 1: error"),
        "{said}"
    );
}
