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

#[test]
fn metrics_of_tracks_are_printed_and_written() {
    let folder = TempDir::new().unwrap();
    let json = display(&folder.path().join("metrics.json"));
    let (gt, results) = (golden("eval/gt.json"), golden("eval/results.json"));
    let arguments = ["score", "--gt", &gt, "--results", &results, "--json", &json];
    let options = ["--metrics", "ap,box-ap,hota,mots,idf1,jf,teta", "--per-class", "--per-video"];
    let done = seqformer(&[&arguments[..], &options[..]].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    let found = read_json(&json);
    let golden_ap = read_json(&golden("eval/summary.json"))["stats"]["AP"].as_f64().unwrap();
    assert!((found["ap"]["stats"][0].as_f64().unwrap() - golden_ap).abs() < 1e-9);
    for (metric, average, number) in [
        ("hota", "class_averaged_all", "HOTA"),
        ("mots", "class_averaged", "sMOTSA"),
        ("idf1", "detection_averaged", "IDF1"),
        ("jf", "object_averaged", "J&F"),
        ("teta", "class_averaged", "TETA"),
    ] {
        assert!(found[metric][average][number].is_number(), "{metric}: {}", found[metric]);
        assert!(!found[metric]["per_class"].as_object().unwrap().is_empty(), "{metric}");
        assert!(!found[metric]["per_video"].as_object().unwrap().is_empty(), "{metric}");
        assert!(text(&done.stdout).contains(&format!("  {number:>6}")), "{metric}");
    }
    assert!(found["box-ap"]["stats"][0].is_number());
    assert_eq!(found["hota"]["detection_averaged"]["curves"]["HOTA"].as_array().unwrap().len(), 19);
    // Numbers like these are replaced by newer ones, whatever the metrics.
    let again = [&arguments[..], &["--metrics", "idf1"]].concat();
    let done = seqformer(&again);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(read_json(&json).get("hota").is_none());
}

#[test]
fn metrics_of_a_perfect_result_are_one() {
    let (success, said) = score(VIDEO, FOUND, &["--metrics", "box-ap,hota,mots,idf1,jf,teta"]);
    assert!(success, "{said}");
    for line in ["all classes", "all masks", "all objects"] {
        let found = said.lines().find(|said| said.starts_with(line)).unwrap();
        assert!(found.contains("1.000"), "{said}");
    }
    let (success, said) = score(VIDEO, FOUND, &["--metrics", "idf1", "--min-score", "0.95"]);
    assert!(
        success && said.lines().any(|line| line.starts_with("all masks") && line.contains("0.000")),
        "{said}"
    );
}

#[test]
fn masks_without_pixels_are_named_and_can_be_left_out() {
    // "<" is a run of 12: the mask of the second frame has no pixel.
    let empty = FOUND.replace("null]", r#"{"size": [3, 4], "counts": "<"}]"#);
    let (success, said) = score(VIDEO, &empty, &["--metrics", "idf1"]);
    assert!(success && said.contains("masks of results without pixels: 1;"), "{said}");
    assert!(said.contains("  0.667"), "{said}");
    let options = ["--metrics", "idf1", "--empty-masks", "absent"];
    let (success, said) = score(VIDEO, &empty, &options);
    assert!(success && !said.contains("without pixels") && !said.contains("  0.667"), "{said}");
}

#[test]
fn what_has_no_such_metric_is_refused() {
    let images = |options: &[&str]| {
        let images = r#"{"images": [{"id": 1, "height": 3, "width": 4}], "categories": [], "annotations": []}"#;
        score(images, "[]", options)
    };
    let (success, said) = images(&["--metrics", "ap,hota"]);
    assert!(!success, "{said}");
    assert!(
        said.contains("--metrics hota: expected annotations of videos, found single images"),
        "{said}"
    );
    let (success, said) = images(&["--metrics", "ap,box-ap"]);
    assert!(success && said.contains("AP of boxes"), "{said}");
    let (success, said) = score(VIDEO, FOUND, &["--metrics", "hoat"]);
    assert!(!success && said.contains("invalid value 'hoat'"), "{said}");
    let damaged = FOUND.replace("264", "26");
    let (success, said) = score(VIDEO, &damaged, &["--metrics", "hota"]);
    assert!(!success && said.contains("results.json: [0] (video 1): segmentations[0]: "), "{said}");
}

#[test]
fn videos_are_scored_by_boxes_where_that_is_asked_for() {
    // Another mask with the same box.
    let smaller = FOUND.replace("264", "22113");
    let line = "IoU=0.50:0.95 | area=   all | maxDets=100 ] = ";
    for (options, expected) in [(["--iou", "box"], "1.000"), (["--iou", "mask"], "0.700")] {
        let (success, said) = score(VIDEO, &smaller, &options);
        assert!(success && said.contains(&format!("{line}{expected}")), "{options:?}: {said}");
    }
}

#[test]
fn errors_are_told_by_kinds() {
    let (success, said) = score(VIDEO, &FOUND.replace("264", "22113"), &["--errors"]);
    assert!(success && said.contains("as it is                          1.000"), "{said}");
    let folder = TempDir::new().unwrap();
    let json = display(&folder.path().join("errors.json"));
    let stray =
        r#"{"video_id": 1, "category_id": 1, "score": 0.95, "segmentations": [null, null]}"#;
    let list = FOUND.replacen('[', &format!("[{stray}, "), 1);
    let (success, said) = score(VIDEO, &list, &["--errors", "--json", &json]);
    assert!(success, "{said}");
    let errors = &read_json(&json)["errors"];
    assert_eq!(errors["kinds"]["background"]["count"], 1, "{errors}");
    assert!(errors["kinds"]["background"]["ap"].as_f64().unwrap() > 0.999, "{errors}");
    assert!(errors["ap"].as_f64().unwrap() < 0.6, "{errors}");
}

#[test]
fn results_are_compared_with_others() {
    let folder = TempDir::new().unwrap();
    let [gt, first, second, json] = ["gt.json", "new.json", "old.json", "compared.json"]
        .map(|name| display(&folder.path().join(name)));
    fs::write(&gt, VIDEO).unwrap();
    fs::write(&first, FOUND).unwrap();
    fs::write(&second, FOUND.replace("264", "22113")).unwrap();
    let arguments = ["score", "--gt", &gt, "--results", &first, "--against", &second];
    let options = ["--metrics", "ap,box-ap,hota", "--per-class", "--per-video", "--json", &json];
    let done = seqformer(&[&arguments[..], &options[..]].concat());
    let said = text(&done.stdout);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(said.contains("classes: better in 1, worse in 0, equal in 0"), "{said}");
    let found = read_json(&json);
    assert!((found["ap"]["difference"].as_f64().unwrap() - 0.3).abs() < 1e-9, "{found}");
    assert_eq!(found["box-ap"]["difference"], 0.0);
    assert!(found["hota"]["per_video"]["1"]["difference"].as_f64().unwrap() > 0.0);
    // What is read is never replaced.
    let done = seqformer(&[&arguments[..], &["--json", &second]].concat());
    assert!(
        !done.status.success() && text(&done.stderr).contains("is the input"),
        "{}",
        text(&done.stderr)
    );
    let damaged = FOUND.replace("264", "26");
    fs::write(&second, damaged).unwrap();
    let done = seqformer(&arguments);
    let said = text(&done.stderr);
    assert!(said.contains("old.json: [0] (video 1): segmentations[0]: "), "{said}");
}

#[test]
fn groups_are_printed_where_they_are_asked_for() {
    let (gt, results) = (golden("eval/gt.json"), golden("eval/results.json"));
    let score =
        ["score", "--gt", &gt, "--results", &results, "--metrics", "ap,hota", "--json", "-"];
    let plain: Value = serde_json::from_slice(&seqformer(&score).stdout).unwrap();
    assert!(plain["ap"]["per_group"].is_null() && plain["hota"]["per_group"].is_null());
    let done = seqformer(&[&score[..], &["--per-group"]].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    let grouped: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(grouped["ap"]["per_group"]["size: small"]["AP"], grouped["ap"]["stats"][3]);
    let said = text(&done.stderr);
    assert_eq!(said.matches("occlusion: always in sight").count(), 2, "{said}");
}

#[test]
fn faults_of_results_of_images_are_listed() {
    let folder = TempDir::new().unwrap();
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../seqformer-evaluation/tests/fixtures/coco");
    let gt = display(&fixture.join("gt.json"));
    let check = |results: &Path| {
        seqformer(&["score", "--gt", &gt, "--results", &display(results), "--check"])
    };
    let done = check(&fixture.join("results.json"));
    assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
    assert!(text(&done.stdout).contains(" results, no fault\n"), "{}", text(&done.stdout));
    let bad = folder.path().join("bad.json");
    fs::write(
        &bad,
        r#"[{"image_id": 987654, "category_id": 1, "score": 0.5, "bbox": [0, 0, 1, 1]}]"#,
    )
    .unwrap();
    let done = check(&bad);
    let said = format!("{}{}", text(&done.stdout), text(&done.stderr));
    assert!(
        !done.status.success() && said.contains("[0].image_id: expected an image of the dataset"),
        "{said}"
    );
}
