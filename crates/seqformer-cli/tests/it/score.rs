//! `seqformer score` from files to numbers.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::{display, golden, seqformer, text};

fn read_json(path: &str) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_summary_is_that_of_the_official_tool() {
    for case in ["eval", "eval_edge"] {
        let (gt, results) =
            (golden(&format!("{case}/gt.json")), golden(&format!("{case}/results.json")));
        let done = seqformer(&["score", "--gt", &gt, "--results", &results]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        let summary = read_json(&golden(&format!("{case}/summary.json")));
        let lines = summary["summary_text"].as_array().unwrap().iter();
        let expected: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
        assert_eq!(text(&done.stdout).lines().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn all_numbers_go_to_a_json_file_and_the_classes_to_a_table() {
    let folder = TempDir::new().unwrap();
    let json = display(&folder.path().join("score.json"));
    let (gt, results) = (golden("eval/gt.json"), golden("eval/results.json"));
    let done =
        seqformer(&["score", "--gt", &gt, "--results", &results, "--json", &json, "--per-class"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let (found, golden) = (read_json(&json), read_json(&golden("eval/summary.json")));
    for (index, name) in ["AP", "AP50", "AP75"].into_iter().enumerate() {
        let difference =
            found["stats"][index].as_f64().unwrap() - golden["stats"][name].as_f64().unwrap();
        assert!(difference.abs() < 1e-9, "{name} is off by {difference}");
    }
    let categories = read_json(&gt)["categories"].as_array().unwrap().clone();
    let table = text(&done.stdout);
    for category in categories {
        let name = category["name"].as_str().unwrap();
        assert!(found["per_class"][name].is_number(), "{name} is not in {found}");
        assert!(table.lines().any(|line| line.starts_with(name)), "{name} is not in {table}");
    }
}

#[test]
fn json_may_go_to_standard_output() {
    let (gt, results) = (golden("eval/gt.json"), golden("eval/results.json"));
    let done = seqformer(&["score", "--gt", &gt, "--results", &results, "--json", "-", "--check"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let found: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(found["stats"][0].is_number(), "{found}");
    assert!(text(&done.stderr).contains("Average Precision"), "{}", text(&done.stderr));
    assert!(!Path::new("-").exists());
}

/// Writes `text` to `results.json` and checks it against the videos of the golden data.
fn check(folder: &Path, content: &str) -> (bool, String) {
    let results = display(&folder.join("results.json"));
    fs::write(&results, content).unwrap();
    let gt = display(&folder.join("valid.json"));
    let mut dataset = read_json(&golden("tiny_video/instances.json"));
    dataset["annotations"] = Value::Null;
    fs::write(&gt, dataset.to_string()).unwrap();
    let done = seqformer(&["score", "--gt", &gt, "--results", &results, "--check"]);
    (done.status.success(), format!("{}{}", text(&done.stdout), text(&done.stderr)))
}

#[test]
fn faults_of_results_are_listed_without_annotations() {
    let folder = TempDir::new().unwrap();
    let good = fs::read_to_string(golden("tiny_whole/results.json")).unwrap();
    let (success, said) = check(folder.path(), &good);
    assert!(success && said.ends_with("results, no fault\n"), "{said}");
    let bad =
        good.replacen("\"video_id\": 17", "\"video_id\": 1", 1).replacen("[72, 100]", "[1, 2]", 1);
    let (success, said) = check(folder.path(), &bad);
    assert!(!success);
    for expected in [
        "results.json: [0].video_id: expected a video of the dataset, found 1; the annotations are those of ",
        "results.json: [0].segmentations[0]: expected run lengths with a sum of 2, for the size 1x2",
        "results.json: 2 faults in ",
    ] {
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_wrong_file_is_named() {
    let (gt, results) = (golden("eval/gt.json"), golden("eval/summary.json"));
    let done = seqformer(&["score", "--gt", &gt, "--results", &results]);
    assert!(!done.status.success());
    let said = text(&done.stderr);
    assert!(said.contains("summary.json: byte 0: expected a list, found '{'"), "{said}");
}

#[test]
fn annotations_of_images_are_scored_as_coco_does() {
    let fixture = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        display(&folder.join("../seqformer-evaluation/tests/fixtures/coco").join(name))
    };
    let (gt, results) = (fixture("gt.json"), fixture("results.json"));
    let expected = read_json(&fixture("expected.json"));
    let cases: [(&[&str], &str); 3] = [
        (&[], "segm_with_boxes"),
        (&["--iou", "box"], "bbox"),
        (&["--type", "coco", "--iou", "mask"], "segm_with_boxes"),
    ];
    for (options, name) in cases {
        let mut arguments = ["score", "--gt", gt.as_str(), "--results", results.as_str()].to_vec();
        arguments.extend(options);
        let done = seqformer(&arguments);
        assert!(done.status.success(), "{}", text(&done.stderr));
        let lines = expected[name]["summary"].as_array().unwrap().iter();
        let lines: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
        assert_eq!(text(&done.stdout).lines().collect::<Vec<_>>(), lines, "{options:?}");
    }
    let done = seqformer(&["score", "--gt", &gt, "--results", &results, "--type", "ytvis"]);
    assert!(!done.status.success());
    assert!(
        text(&done.stderr).contains("videos: expected a list, found a COCO file"),
        "{}",
        text(&done.stderr)
    );
}

/// One video of two frames, and results that fit it.
const VIDEO: &str = r#"{"videos": [{"id": 1, "height": 3, "width": 4, "length": 2}],
    "categories": [{"id": 1, "name": "cat"}],
    "annotations": [{"id": 1, "video_id": 1, "category_id": 1, "iscrowd": 0,
        "segmentations": [{"size": [3, 4], "counts": [2, 6, 4]}, null], "areas": [6, null]}]}"#;
const FOUND: &str = r#"[{"video_id": 1, "category_id": 1, "score": 0.9,
    "segmentations": [{"size": [3, 4], "counts": "264"}, null]}]"#;

/// Scores two texts; what is said.
fn score(gt: &str, results: &str, options: &[&str]) -> (bool, String) {
    let folder = TempDir::new().unwrap();
    let [gt_path, results_path] =
        ["gt.json", "results.json"].map(|name| display(&folder.path().join(name)));
    fs::write(&gt_path, gt).unwrap();
    fs::write(&results_path, results).unwrap();
    let mut arguments = ["score", "--gt", &gt_path, "--results", &results_path].to_vec();
    arguments.extend(options);
    let done = seqformer(&arguments);
    (done.status.success(), format!("{}{}", text(&done.stdout), text(&done.stderr)))
}

#[test]
fn what_python_tools_write_is_scored() {
    let perfect = "IoU=0.50:0.95 | area=   all | maxDets=100 ] = 1.000";
    let cases = [
        (VIDEO.to_owned(), FOUND.to_owned()),
        (VIDEO.replace("\"id\": 1,", "\"id\": 1.0,"), FOUND.replace("_id\": 1,", "_id\": 1.0,")),
        (VIDEO.replace("\"iscrowd\": 0", "\"iscrowd\": null"), FOUND.replace("null]", "[]]")),
        (format!("\u{feff}{VIDEO}"), format!("\u{feff}{FOUND}")),
        (VIDEO.replace("[6, null]", "[NaN, null]"), FOUND.replace("0.9", "0.9, \"loss\": NaN")),
        (
            VIDEO
                .replace("\"id\": 1, \"height\"", "\"id\": \"v\", \"height\"")
                .replace("\"video_id\": 1", "\"video_id\": \"v\""),
            FOUND.replace("\"video_id\": 1", "\"video_id\": \"v\""),
        ),
    ];
    for (gt, results) in cases {
        let (success, said) = score(&gt, &results, &[]);
        assert!(success && said.contains(perfect), "{gt}: {said}");
    }
}

#[test]
fn a_mask_written_width_first_is_named_and_scored_as_the_official_tool_does() {
    let (success, said) = score(VIDEO, &FOUND.replace("[3, 4]", "[4, 3]"), &[]);
    assert!(success && said.contains("maxDets=100 ] = 0.000"), "{said}");
    let expected = "the first is [0] (video 1): segmentations[0].size: expected that of the frame, \
                    3x4 (height x width), found 4x3 (height x width); the size of a mask is \
                    [height, width]: was it written as [width, height]?";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn one_output_has_one_scale() {
    let (success, said) = score(VIDEO, FOUND, &["--per-class"]);
    assert!(success && said.contains("= 1.000\n"), "{said}");
    assert!(said.contains("\ncat     1.000   1.000"), "{said}");
}
