//! `report` and `data browse`, as a user runs them; the pages themselves are tested in seqformer-report.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::{display, golden, seqformer, text};

#[test]
fn a_report_is_written_and_replaced_only_by_a_report() {
    let folder = TempDir::new().unwrap();
    let output = display(&folder.path().join("report"));
    let (gt, results) = (golden("eval/gt.json"), golden("eval/results.json"));
    let report = ["report", "--gt", &gt, "--results", &results, "--output", &output];
    let done = seqformer(&report);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(text(&done.stdout), format!("{output}/index.html\n"));
    let said = text(&seqformer(&report).stderr);
    assert!(said.contains("found an earlier report; choose another name"), "{said}");
    let both = [&report[..], &["--results", &results, "--overwrite"]].concat();
    assert!(seqformer(&both).status.success());
    let said = text(&seqformer(&[&both[..], &["--results", &results]].concat()).stderr);
    assert!(
        said.contains("--results: expected one file, or two that are compared, found 3"),
        "{said}"
    );
    let inside = display(&folder.path().join("report/notes.txt"));
    fs::write(&inside, "mine").unwrap();
    assert!(!seqformer(&[&report[..], &["--overwrite"]].concat()).status.success());
    assert!(Path::new(&inside).exists());
}

#[test]
fn annotations_alone_are_browsed_and_images_are_refused() {
    let folder = TempDir::new().unwrap();
    let output = display(&folder.path().join("pages"));
    let done = seqformer(&["data", "browse", &golden("eval/gt.json"), "--output", &output]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(folder.path().join("pages/player.html").is_file());
    let images = folder.path().join("coco.json");
    fs::write(&images, r#"{"images": [], "categories": [], "annotations": []}"#).unwrap();
    let other = display(&folder.path().join("other"));
    let said = text(&seqformer(&["data", "browse", &display(&images), "--output", &other]).stderr);
    assert!(said.contains("expected annotations of videos, found single images"), "{said}");
}
