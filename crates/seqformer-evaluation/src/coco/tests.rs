mod random;
mod twin;

use std::path::Path;

use rayon::prelude::*;
use seqformer_testing::{assert_close_f64, read_json};
use serde_json::Value;

use super::{CocoEvaluator, CocoGroundTruth, CocoResults, IouKind};

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// Unfolds the curves of a fixture, `[T, K, A, M, R]`, into the order of ours, `[T, R, K, A, M]`.
fn unfold(expected: &Value, [t, r, k, a, m]: [usize; 5]) -> Vec<f64> {
    let unfold_curve = |runs: &Value| -> Vec<f64> {
        let runs = runs.as_array().unwrap().iter();
        let run = |run: &Value| {
            let count = run[1].as_u64().unwrap() as usize;
            std::iter::repeat_n(run[0].as_f64().unwrap(), count)
        };
        runs.flat_map(run).collect()
    };
    let curves: Vec<Vec<f64>> =
        expected["curves"].as_array().unwrap().iter().map(unfold_curve).collect();
    let indices = expected["precision"].as_array().unwrap();
    let places: Vec<usize> = indices.iter().map(|index| index.as_u64().unwrap() as usize).collect();
    assert_eq!(places.len(), t * k * a * m);
    let groups = places.chunks(k * a * m);
    let points = |group: &[usize]| -> Vec<f64> {
        let point = |point: usize| group.iter().map(move |&curve| (curve, point));
        (0..r).flat_map(point).map(|(curve, point)| curves[curve][point]).collect()
    };
    groups.flat_map(points).collect()
}

#[test]
fn every_number_is_that_of_pycocotools() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/coco");
    let truth = CocoGroundTruth::read(&folder.join("gt.json")).unwrap();
    let results = CocoResults::read(&folder.join("results.json")).unwrap();
    let expected = read_json(&folder.join("expected.json")).unwrap();
    let without_boxes = results.clone().without_boxes();
    let cases = [(IouKind::Mask, &without_boxes, "segm"), (IouKind::Box, &results, "bbox")];
    for (kind, results, name) in cases {
        let expected = &expected[name];
        let evaluation = CocoEvaluator::new(&truth).evaluate(results, kind).unwrap();
        let (curves, report) = (evaluation.curves(), evaluation.report());
        let check = |what: &str, found: &[f64], expected: &[f64]| {
            assert_close_f64(&format!("{what}, {name}"), found, expected, 1e-12);
        };
        check("stats", &report.stats, &numbers(&expected["stats"]));
        let per_class: Vec<f64> = report.per_class.iter().map(|class| class.stats[0]).collect();
        check("AP per class", &per_class, &numbers(&expected["per_class"]));
        check("recall", &curves.recall(), &numbers(&expected["recall"]));
        check("precision", &curves.precision(), &unfold(expected, curves.shape()));
        let lines = expected["summary"].as_array().unwrap().iter();
        let lines: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
        assert_eq!(report.summary().to_string(), lines.join("\n") + "\n");
        let json = report.to_json();
        assert_eq!(numbers(&json["stats"]), report.stats);
        assert_eq!(json["per_class"]["person"], report.per_class[0].stats[0]);
    }
}

#[test]
fn the_first_result_decides_whether_areas_are_those_of_boxes_as_in_pycocotools() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/coco");
    let truth = CocoGroundTruth::read(&folder.join("gt.json")).unwrap();
    let expected = read_json(&folder.join("expected.json")).unwrap();
    let list = read_json(&folder.join("results.json")).unwrap();
    let written = tempfile::tempdir().unwrap();
    let path = written.path().join("results.json");
    for (kind, without, name) in [
        (IouKind::Mask, "", "segm_with_boxes"),
        (IouKind::Mask, "segmentation", "segm_of_boxes"),
        (IouKind::Box, "bbox", "bbox_of_masks"),
        (IouKind::Mask, "bbox", "segm"),
    ] {
        let mut list = list.clone();
        for result in list.as_array_mut().unwrap() {
            result.as_object_mut().unwrap().remove(without);
        }
        std::fs::write(&path, list.to_string()).unwrap();
        let results = CocoResults::read(&path).unwrap();
        let report = CocoEvaluator::new(&truth).evaluate(&results, kind).unwrap().report();
        assert_close_f64(name, &report.stats, &numbers(&expected[name]["stats"]), 1e-12);
        let lines = expected[name]["summary"].as_array().unwrap().iter();
        let lines: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
        assert_eq!(report.summary().to_string(), lines.join("\n") + "\n", "{name}");
    }
}

#[test]
fn a_small_mask_in_a_large_box_is_large_if_the_results_have_boxes() {
    // A triangle of 40 pixels on each side has about 800 pixels, which is small, in a box of 1600,
    // which is medium. Neither result meets the annotation, a small one; so each counts as a false
    // positive only in its own range.
    let truth = r#"{"images": [{"id": 1, "height": 100, "width": 100}],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "area": 100, "bbox": [80, 80, 10, 10],
            "segmentation": [[80, 80, 90, 80, 90, 90, 80, 90]]}]}"#;
    let good = r#"{"image_id": 1, "category_id": 1, "score": 0.5, "bbox": [80, 80, 10, 10],
        "segmentation": [[80, 80, 90, 80, 90, 90, 80, 90]]}"#;
    let wrong = r#"{"image_id": 1, "category_id": 1, "score": 0.9, "bbox": [0, 0, 40, 40],
        "segmentation": [[0, 0, 40, 0, 0, 40]]}"#;
    let [with_boxes, _] = evaluate(truth, &format!("[{good}, {wrong}]"));
    // Half right over all, and all right among the small.
    let stats = with_boxes.unwrap();
    assert_eq!([stats[0], stats[3]], [0.5, 1.0]);
    let drop_box = |text: &str| {
        let mut value: Value = serde_json::from_str(text).unwrap();
        value.as_object_mut().unwrap().remove("bbox");
        value.to_string()
    };
    let [without, _] = evaluate(truth, &format!("[{}, {}]", drop_box(good), drop_box(wrong)));
    let stats = without.unwrap();
    assert_eq!([stats[0], stats[3]], [0.5, 0.5]);
}

#[test]
fn sizes_are_needed_only_where_polygons_are_drawn() {
    let truth = TRUTH.replacen(", \"height\": 3, \"width\": 4", "", 1);
    assert_ne!(truth, TRUTH);
    assert_eq!(evaluate(&truth, &format!("[{RESULT}]")), [Ok(ALL_FOUND), Ok(ALL_FOUND)]);
    let polygons =
        truth.replacen(r#"{"size": [3, 4], "counts": [0, 12]}"#, "[[0, 0, 4, 0, 4, 3, 0, 3]]", 1);
    let [masks, boxes] = evaluate(&polygons, &format!("[{RESULT}]"));
    assert_eq!(boxes, Ok(ALL_FOUND));
    let message = masks.unwrap_err();
    assert!(message.contains("gt.json: annotations[0] (id 7, image 4): segmentation"), "{message}");
    assert!(message.contains("add height and width to images[0] (id 4)"), "{message}");
}

#[test]
fn texts_as_ids_are_scored_like_numbers() {
    let as_text = |text: &str| {
        text.replace("\"id\": 4", "\"id\": \"000004\"")
            .replace("\"image_id\": 4", "\"image_id\": \"000004\"")
    };
    let (truth, result) = (as_text(TRUTH), as_text(RESULT));
    assert_eq!(evaluate(&truth, &format!("[{result}]")), [Ok(ALL_FOUND), Ok(ALL_FOUND)]);
    let [message, _] = evaluate(&truth, &format!("[{RESULT}]"));
    let message = message.unwrap_err();
    assert!(message.contains("[0] (image 4): image_id: expected the id of an image"), "{message}");
}

#[test]
fn categories_without_annotations_and_results_cost_nothing() {
    let names: Vec<String> =
        (2..50_000).map(|id| format!("{{\"id\": {id}, \"name\": \"c{id}\"}}")).collect();
    let categories = format!("\"name\": \"cat\"}}, {}]", names.join(", "));
    let truth = TRUTH.replacen("\"name\": \"cat\"}]", &categories, 1);
    assert_ne!(truth, TRUTH);
    let folder = tempfile::tempdir().unwrap();
    let [truth_path, results_path] =
        ["gt.json", "results.json"].map(|name| folder.path().join(name));
    std::fs::write(&truth_path, truth).unwrap();
    std::fs::write(&results_path, format!("[{RESULT}]")).unwrap();
    let truth = CocoGroundTruth::read(&truth_path).unwrap();
    let results = CocoResults::read(&results_path).unwrap();
    let evaluation = CocoEvaluator::new(&truth).evaluate(&results, IouKind::Mask).unwrap();
    let report = evaluation.report();
    let text = format!("{}{}{}", report.summary(), report.per_class_table(), report.to_json());
    // It took half a minute and five gigabytes when every class had its curves.
    assert_eq!(evaluation.curves().num_values(), 10 * (101 + 1) * 4 * 3, "those of one class");
    assert!(report.stats[0] > 0.999);
    assert_eq!(evaluation.curves().present(), [0]);
    assert!(text.len() < 4000 && text.contains("49998 classes have neither"), "{}", text.len());
}

/// Compares `count` datasets and returns how many have a recall between 0 and 1, and how many
/// have no results.
fn check_random(seed: u64, count: u32) -> [u32; 2] {
    let folder = tempfile::tempdir().unwrap();
    let [truth_path, results_path] =
        ["gt.json", "results.json"].map(|name| folder.path().join(name));
    let mut random = random::Random(seed);
    let mut counts = [0; 2];
    for case in 0..count {
        let data = random.dataset();
        random::write(&data, &truth_path, &results_path);
        let truth = CocoGroundTruth::read(&truth_path).unwrap();
        let results = CocoResults::read(&results_path).unwrap();
        // The areas of the twin are those of what is compared.
        let without_boxes = results.clone().without_boxes();
        for (kind, results) in [(IouKind::Mask, &without_boxes), (IouKind::Box, &results)] {
            let evaluation = CocoEvaluator::new(&truth).evaluate(results, kind).unwrap();
            let (precision, recall) = twin::curves(&data, kind);
            let curves = evaluation.curves();
            let what = format!("precision of case {case} of seed {seed}, {kind:?}");
            assert_close_f64(&what, &curves.precision(), &precision, 1e-12);
            let what = format!("recall of case {case} of seed {seed}, {kind:?}");
            assert_close_f64(&what, &curves.recall(), &recall, 1e-12);
            counts[0] += u32::from(recall.iter().any(|&recall| recall > 0.0 && recall < 1.0));
        }
        counts[1] += u32::from(data.results.is_empty());
    }
    counts
}

#[test]
fn random_datasets_agree_with_the_definition_pixel_by_pixel() {
    let counts = (1..=8_u64).into_par_iter().map(|seed| check_random(seed << 40, 150));
    let [partial, empty] = counts.reduce(|| [0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
    assert!(partial > 500 && empty > 100, "the cases are too easy: {partial}, {empty}");
}

/// Writes both files, and scores masks and boxes; numbers to nine digits, because of the smallest
/// number that precision is divided by.
fn evaluate(truth: &str, results: &str) -> [Result<[f64; 12], String>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let [truth_path, results_path] =
        ["gt.json", "results.json"].map(|name| folder.path().join(name));
    std::fs::write(&truth_path, truth).unwrap();
    std::fs::write(&results_path, results).unwrap();
    let truth = CocoGroundTruth::read(&truth_path).unwrap();
    let results = CocoResults::read(&results_path).unwrap();
    [IouKind::Mask, IouKind::Box].map(|kind| {
        let evaluation = CocoEvaluator::new(&truth).evaluate(&results, kind);
        let rounded = |number: f64| (number * 1e9).round() / 1e9;
        evaluation.map(|found| found.report().stats.map(rounded)).map_err(|error| error.to_string())
    })
}

const TRUTH: &str = r#"{"images": [{"id": 4, "height": 3, "width": 4}],
    "categories": [{"id": 1, "name": "cat"}],
    "annotations": [{"id": 7, "image_id": 4, "category_id": 1, "area": 12, "bbox": [0, 0, 4, 3],
        "segmentation": {"size": [3, 4], "counts": [0, 12]}}]}"#;
const RESULT: &str = r#"{"image_id": 4, "category_id": 1, "score": 1, "bbox": [0, 0, 4, 3],
    "segmentation": {"size": [3, 4], "counts": "0<"}}"#;
/// Of one small object that is found.
const ALL_FOUND: [f64; 12] = [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0];

#[test]
fn no_results_are_a_table_of_zeros() {
    let zeros = [0.0, 0.0, 0.0, 0.0, -1.0, -1.0, 0.0, 0.0, 0.0, 0.0, -1.0, -1.0];
    assert_eq!(evaluate(TRUTH, "[]"), [Ok(zeros), Ok(zeros)]);
    let nothing = r#"{"images": [], "categories": []}"#;
    assert_eq!(evaluate(nothing, "[]"), [Ok([-1.0; 12]), Ok([-1.0; 12])]);
}

#[test]
fn results_of_unknown_categories_are_left_out() {
    let stray = RESULT.replacen("\"category_id\": 1", "\"category_id\": 77", 1);
    assert_eq!(evaluate(TRUTH, &format!("[{stray}, {RESULT}]")), [Ok(ALL_FOUND), Ok(ALL_FOUND)]);
}

#[test]
fn what_cannot_be_scored_is_named() {
    let check = |truth: &str, result: &str, expected: [&str; 2]| {
        for (found, expected) in evaluate(truth, &format!("[{result}]")).into_iter().zip(expected) {
            match found {
                Ok(stats) => assert_eq!((stats, expected), (ALL_FOUND, "")),
                Err(message) => {
                    assert!(!expected.is_empty() && message.contains(expected), "{message}");
                }
            }
        }
    };
    check(TRUTH, RESULT, ["", ""]);
    let missing = |text: &str, from: &str| {
        assert!(text.contains(from), "{from} is not there");
        text.replacen(from, "null", 1)
    };
    let drop_key = |text: &str, key: &str| {
        let mut value: Value = serde_json::from_str(text).unwrap();
        value.as_object_mut().unwrap().remove(key).unwrap();
        value.to_string()
    };
    // The box stands in for the mask, and the other way round.
    check(TRUTH, &drop_key(RESULT, "segmentation"), ["", ""]);
    check(TRUTH, &drop_key(RESULT, "bbox"), ["", ""]);
    let second = drop_key(RESULT, "segmentation").replacen("\"score\":1", "\"score\":0.5", 1);
    let first = drop_key(RESULT, "bbox");
    let expected = "results.json: [1] (image 4): segmentation: expected run lengths or polygons";
    check(TRUTH, &format!("{first}, {second}"), [expected, expected]);
    let expected =
        "results.json: [1] (image 4): bbox: expected [x, y, width, height], as the first";
    check(TRUTH, &format!("{second}, {first}"), [expected, expected]);
    let damaged = RESULT.replacen("0<", "0=", 1);
    check(
        TRUTH,
        &damaged,
        ["results.json: [0] (image 4): segmentation: expected run lengths with a sum of 12", ""],
    );
    let no_mask = missing(TRUTH, r#"{"size": [3, 4], "counts": [0, 12]}"#);
    let place = "gt.json: annotations[0] (id 7, image 4)";
    let expected = format!("{place}: segmentation: expected polygons or run lengths");
    check(&no_mask, RESULT, [&expected, ""]);
    let no_box = missing(TRUTH, "[0, 0, 4, 3]");
    let expected = format!("{place}: bbox: expected [x, y, width");
    check(&no_box, RESULT, ["", &expected]);
    let odd_box = TRUTH.replacen("[0, 0, 4, 3]", "[0, 0, 4, NaN]", 1);
    let expected = format!(
        "{place}: bbox: expected [x, y, width, height] of finite numbers, found [0,0,4,NaN]"
    );
    check(&odd_box, RESULT, ["", &expected]);
    let misplaced = RESULT.replacen("\"image_id\": 4", "\"image_id\": 5", 1);
    let expected = "results.json: [0] (image 5): image_id: expected the id of an image of ";
    check(TRUTH, &misplaced, [expected, expected]);
}
