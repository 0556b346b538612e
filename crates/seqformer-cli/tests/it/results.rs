//! `results convert`, as a user runs it.

use std::fs;

use tempfile::TempDir;

use crate::{display, seqformer, text};

/// Two objects, of which the first one is found in two classes; they overlap in the third column.
const RESULTS: &str = r#"[
    {"video_id": 1, "score": 0.75, "category_id": 3, "segmentations": [{"size": [2, 4], "counts": "26"}, null]},
    {"video_id": 1, "score": 0.25, "category_id": 4, "segmentations": [{"size": [2, 4], "counts": "26"}, null]},
    {"video_id": 1, "score": 0.5, "category_id": 3, "segmentations": [{"size": [2, 4], "counts": "44"}, null]}]"#;

const VIDEOS: &str = r#"{
    "videos": [{"id": 1, "height": 2, "width": 4, "length": 2, "file_names": ["street/0.jpg", "street/1.jpg"]}],
    "categories": [{"id": 3, "name": "car"}, {"id": 4, "name": "dog"}]}"#;

#[test]
fn results_become_files_of_other_tools_and_nothing_is_replaced() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| display(&folder.path().join(name));
    fs::write(at("results.json"), RESULTS).unwrap();
    fs::write(at("valid.json"), VIDEOS).unwrap();
    let run = |kind: &str, output: &str, more: &[&str]| {
        let (results, gt, output) = (at("results.json"), at("valid.json"), at(output));
        let begin = ["results", "convert", "--results", &results, "--gt", &gt, "--to", kind];
        let done = seqformer(&[&begin[..], &["--output", &output], more].concat());
        (done.status.success(), text(&done.stdout), text(&done.stderr))
    };
    let (done, printed, said) = run("csv", "found.csv", &["--max-tracks", "1"]);
    assert!(done && printed == at("found.csv") + "\n", "{said}");
    assert!(said.contains("1 video of 2 frames with 1 object"), "{said}");
    assert!(said.contains("note: 1 results are the object of another one"), "{said}");
    let table = fs::read_to_string(at("found.csv")).unwrap();
    let row = "street,1,0,,street/0.jpg,1,3,car,0.75,1,0,3,2,6";
    assert_eq!(table.lines().skip(1).collect::<Vec<_>>(), [row]);
    assert!(run("csv", "found.csv", &[]).2.contains("already exists"));
    assert!(run("csv", "found.csv", &["--overwrite"]).0);
    assert!(run("csv", "results.json", &["--overwrite"]).2.contains("never replaced"));
    let (done, _, said) = run("png", "masks", &[]);
    assert!(done && said.contains("note: 1 masks overlap"), "{said}");
    let convert = ["data", "convert", &at("masks"), "--to", "ytvis", "--output", &at("back.json")];
    assert!(seqformer(&convert).status.success());
    let back = fs::read_to_string(at("back.json")).unwrap();
    assert!(back.contains("street/0.jpg") && back.contains(r#""areas":[6,null]"#), "{back}");
    assert!(run("png", "masks", &["--overwrite"]).2.contains("expected a new or empty folder"));
    let (done, _, said) = run("cutout", "objects", &[]);
    assert!(
        !done && said.contains("--images") && !folder.path().join("objects").exists(),
        "{said}"
    );
    assert!(run("jpeg", "x", &[]).2.contains("mask-video"));
    fs::write(at("results.json"), RESULTS.replace("\"category_id\": 4", "\"category_id\": 5"))
        .unwrap();
    let said = run("csv", "other.csv", &[]).2;
    assert!(
        said.contains("found 5; the annotations are those of") && said.contains("valid.json"),
        "{said}"
    );
}
