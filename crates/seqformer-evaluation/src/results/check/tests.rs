use std::fs;

use seqformer_testing::golden_path;

use super::check_results;
use crate::GroundTruth;

const DATASET: &str = r#"{"videos": [{"id": 4, "height": 3, "width": 4, "length": 2}],
    "categories": [{"id": 1, "name": "cat"}], "annotations": null}"#;

/// Returns the faults of a results file with this content.
fn check(results: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let [dataset_path, path] = ["valid.json", "results.json"].map(|name| folder.path().join(name));
    fs::write(&dataset_path, DATASET).unwrap();
    fs::write(&path, results).unwrap();
    let dataset = GroundTruth::read(&dataset_path).unwrap();
    match check_results(&path, &dataset) {
        Ok(report) => report.faults.iter().map(ToString::to_string).collect(),
        Err(error) => vec![error.to_string()],
    }
}

#[test]
fn the_results_of_the_reference_have_no_fault() {
    let folder = golden_path("public");
    let dataset = GroundTruth::read(&folder.join("tiny_video/instances.json")).unwrap();
    let report = check_results(&folder.join("tiny_whole/results.json"), &dataset).unwrap();
    assert!(report.num_results > 0);
    assert_eq!(report.faults, []);
}

#[test]
fn every_fault_is_found_at_its_place() {
    let good = r#"{"video_id": 4, "category_id": 1, "score": 0.5,
        "segmentations": [null, {"size": [3, 4], "counts": "<"}]}"#;
    assert_eq!(check("[]"), [""; 0]);
    assert_eq!(check(&format!("[{good}, {good}]")), [""; 0]);
    let cases: [(&str, &str, &[&str]); 13] = [
        (
            "\"video_id\": 4",
            "\"video_id\": 5",
            &["[1].video_id: expected a video of the dataset, found 5"],
        ),
        (
            "\"video_id\": 4, ",
            "",
            &[
                "[1].video_id: expected a whole number or a text, found no such field; add the field",
            ],
        ),
        (
            "\"video_id\": 4",
            "\"video_id\": \"4\"",
            &["[1].video_id: expected a video of the dataset, found \"4\""],
        ),
        (
            "\"category_id\": 1",
            "\"category_id\": 0",
            &["[1].category_id: expected a category of the dataset, found 0"],
        ),
        ("0.5", "null", &["[1].score: expected a finite number, found null"]),
        ("0.5", "NaN", &["[1].score: expected a finite number, found NaN"]),
        (
            "null, ",
            "",
            &[
                "[1].segmentations: expected an entry for each of the 2 frames of the video, found 1",
            ],
        ),
        (
            "[3, 4]",
            "[4, 3]",
            &[
                "[1].segmentations[1].size: expected that of the frame, 3x4 (height x width), found 4x3 (height x width); the size of a mask is [height, width]: was it written as [width, height]?",
            ],
        ),
        (
            "[3, 4]",
            "[3]",
            &["[1].segmentations[1].size: expected [height, width] in pixels, found [3]"],
        ),
        (
            "\"<\"",
            "[12]",
            &["[1].segmentations[1].counts: expected compressed run lengths as a text, found [12]"],
        ),
        (
            "\"<\"",
            "\"=\"",
            &[
                "[1].segmentations[1]: expected run lengths with a sum of 12, for the size 3x4 (height x width), found a sum of 13",
            ],
        ),
        ("null", "3", &["[1].segmentations[0]: expected compressed run lengths or null, found 3"]),
        (
            "[null, ",
            "[null, null, {}, ",
            &[
                "[1].segmentations: expected an entry for each of the 2 frames of the video, found 4",
            ],
        ),
    ];
    for (from, to, expected) in cases {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from} is not there");
        let found = check(&format!("[{good}, {bad}, {good}]"));
        assert_eq!(found.len(), expected.len(), "{from} -> {to}: {found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{from} -> {to}: {found}");
        }
    }
    assert_eq!(check("[7]"), ["[0]: expected an object, found 7; remove the entry"]);
}

#[test]
fn what_is_no_list_is_an_error() {
    for (text, expected) in [
        ("", "results.json: byte 0: expected a list, found the end of the file"),
        ("{}", "results.json: byte 0: expected a list, found '{'"),
        (
            "[{\"a\"",
            "results.json: byte 5: expected the rest of a value, found the end of the file",
        ),
        (
            "[{}",
            "results.json: byte 3: expected ',' or ']' after an element, found the end of the file",
        ),
        ("[] 1", "results.json: byte 3: expected the end of the file, found '1'"),
    ] {
        let found = check(text);
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    }
}
