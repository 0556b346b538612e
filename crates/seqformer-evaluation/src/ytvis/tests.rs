mod random;
mod twin;

use std::path::Path;

use rayon::prelude::*;
use seqformer_testing::{assert_close_f64, golden_path, read_json, read_npy};
use serde_json::Value;

use super::YtvisEvaluator;
use crate::parameters::iou_thresholds;
use crate::{AREA_RANGES, Evaluation, GroundTruth, Results, STAT_NAMES};

fn evaluate(truth: &Path, results: &Path) -> Evaluation {
    let truth = GroundTruth::read(truth).unwrap();
    let results = Results::read(results).unwrap();
    YtvisEvaluator::new(&truth).evaluate(&results).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn check_ious(evaluator: &YtvisEvaluator<'_>, results: &Results, key: [i64; 2], expected: &Value) {
    let [video, category] = key;
    let found = evaluator.ious(results, video, category).unwrap();
    let expected: Vec<Vec<f64>> = expected.as_array().unwrap().iter().map(numbers).collect();
    assert_eq!(found.num_detections(), expected.len(), "video {video}, category {category}");
    for (row, expected) in expected.iter().enumerate() {
        let what = format!("IoU of result {row} of video {video}, category {category}");
        assert_close_f64(&what, found.row(row), expected, 1e-12);
    }
}

/// Compares everything that the official tool computed, down to the printed text.
fn check_public(case: &str) {
    let folder = golden_path("public").join(case);
    let evaluation = evaluate(&folder.join("gt.json"), &folder.join("results.json"));
    let precision = read_npy(&folder.join("precision.npy")).unwrap();
    let recall = read_npy(&folder.join("recall.npy")).unwrap();
    let curves = evaluation.curves();
    assert_eq!(precision.shape, curves.shape());
    assert_close_f64("precision", &curves.precision(), &precision.values, 1e-12);
    assert_close_f64("recall", &curves.recall(), &recall.values, 1e-12);
    let golden = read_json(&folder.join("summary.json")).unwrap();
    let report = evaluation.report();
    let expected = STAT_NAMES.map(|name| golden["stats"][name].as_f64().unwrap());
    assert_close_f64("stats", &report.stats, &expected, 1e-12);
    assert_eq!(numbers(&golden["iouThrs"]), iou_thresholds());
    for (range, expected) in AREA_RANGES.iter().zip(golden["areaRng"].as_array().unwrap()) {
        assert_eq!([range.low, range.high][..], numbers(expected));
    }
    let lines: Vec<&str> = golden["summary_text"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    assert_eq!(report.summary().to_string(), lines.join("\n") + "\n");

    let truth = GroundTruth::read(&folder.join("gt.json")).unwrap();
    let results = Results::read(&folder.join("results.json")).unwrap();
    let evaluator = YtvisEvaluator::new(&truth);
    let ious = golden["ious"].as_object().unwrap();
    assert!(!ious.is_empty());
    for (key, expected) in ious {
        let (video, category) = key.split_once(',').unwrap();
        let key = [video.parse().unwrap(), category.parse().unwrap()];
        check_ious(&evaluator, &results, key, expected);
    }
}

#[test]
fn every_number_is_that_of_the_official_tool() {
    check_public("eval");
}

#[test]
fn every_number_of_odd_data_is_that_of_the_official_tool() {
    check_public("eval_edge");
}

#[test]
fn the_second_set_of_the_official_tool_agrees_too() {
    let folder = golden_path("formula");
    let golden = &read_json(&folder.join("masks_eval.json")).unwrap()["evaluation"];
    let truth = GroundTruth::read(&folder.join("eval_gt.json")).unwrap();
    let results = Results::read(&folder.join("eval_results.json")).unwrap();
    assert_eq!(truth.tracks().len() as u64, golden["n_gt"].as_u64().unwrap());
    assert_eq!(results.len() as u64, golden["n_res"].as_u64().unwrap());
    let evaluator = YtvisEvaluator::new(&truth);
    let report = evaluator.evaluate(&results).unwrap().report();
    assert_close_f64("stats", &report.stats, &numbers(&golden["stats"]), 1e-9);
    let per_class: Vec<f64> = report.per_class.iter().map(|class| class.stats[0]).collect();
    assert_close_f64("AP per class", &per_class, &numbers(&golden["ap_per_category_all"]), 1e-9);
    let ious = golden["ious_sorted_by_score"].as_array().unwrap();
    assert!(!ious.is_empty());
    for case in ious {
        let key = ["video", "category"].map(|key| case[key].as_i64().unwrap());
        check_ious(&evaluator, &results, key, &case["ious"]);
    }
}

/// Compares `count` datasets and returns how many have a recall between 0 and 1, and how many
/// have no results.
fn check_random(seed: u64, count: u32) -> [u32; 2] {
    let folder = tempfile::tempdir().unwrap();
    let [truth, results] = ["gt.json", "results.json"].map(|name| folder.path().join(name));
    let mut random = random::Random(seed);
    let mut counts = [0; 2];
    for case in 0..count {
        let data = random.dataset();
        random::write(&data, &truth, &results);
        let evaluation = evaluate(&truth, &results);
        let (precision, recall) = twin::curves(&data);
        let curves = evaluation.curves();
        let what = format!("precision of case {case} of seed {seed}");
        assert_close_f64(&what, &curves.precision(), &precision, 1e-12);
        let what = format!("recall of case {case} of seed {seed}");
        assert_close_f64(&what, &curves.recall(), &recall, 1e-12);
        counts[0] += u32::from(recall.iter().any(|&recall| recall > 0.0 && recall < 1.0));
        counts[1] += u32::from(data.results.is_empty());
    }
    counts
}

#[test]
fn random_datasets_agree_with_the_definition_pixel_by_pixel() {
    let counts = (1..=8_u64).into_par_iter().map(|seed| check_random(seed << 40, 250));
    let [partial, empty] = counts.reduce(|| [0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
    assert!(partial > 500 && empty > 100, "the cases are too easy: {partial}, {empty}");
}

#[test]
fn the_boxes_of_masks_score_as_masks_that_are_boxes() {
    let folder = tempfile::tempdir().unwrap();
    let [truth, results] = ["gt.json", "results.json"].map(|name| folder.path().join(name));
    let mut random = random::Random(77 << 40);
    let mut num_partial = 0;
    for case in 0..200 {
        let mut data = random.dataset();
        random::write(&data, &truth, &results);
        let read = (GroundTruth::read(&truth).unwrap(), Results::read(&results).unwrap());
        let found = YtvisEvaluator::new(&read.0).evaluate_boxes(&read.1).unwrap();
        for object in data.truths.iter_mut().chain(&mut data.results) {
            *object = object.boxed();
        }
        random::write(&data, &truth, &results);
        let expected = evaluate(&truth, &results);
        assert_eq!(found.curves(), expected.curves(), "case {case}");
        num_partial += u32::from(found.curves().recall().iter().any(|r| *r > 0.0 && *r < 1.0));
    }
    assert!(num_partial > 50, "the cases are too easy: {num_partial}");
}

#[test]
fn a_choice_of_videos_scores_as_a_dataset_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let [truth, results] = ["gt.json", "results.json"].map(|name| folder.path().join(name));
    let mut random = random::Random(78 << 40);
    let mut num_partial = 0;
    for case in 0..100 {
        let mut data = random.dataset();
        random::write(&data, &truth, &results);
        let read = (GroundTruth::read(&truth).unwrap(), Results::read(&results).unwrap());
        let matches = YtvisEvaluator::new(&read.0).matches(&read.1).unwrap();
        let kept = data.videos[case % data.videos.len()];
        let times: Vec<u32> = data.videos.iter().map(|&video| u32::from(video == kept)).collect();
        let found = matches.class_ap(&times);
        data.truths.retain(|object| object.video == kept);
        data.results.retain(|object| object.video == kept);
        random::write(&data, &truth, &results);
        let report = evaluate(&truth, &results).report();
        for (category, class) in report.per_class.iter().enumerate() {
            let ap = found.get(&category).copied().unwrap_or(-1.0);
            assert!((ap - class.stats[0]).abs() < 1e-12, "case {case}: {ap} and {class:?}");
            num_partial += u32::from(ap > 0.0 && ap < 1.0);
        }
    }
    assert!(num_partial > 10, "the cases are too easy: {num_partial}");
}

#[test]
fn no_results_are_a_table_of_zeros() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results.json");
    std::fs::write(&results, "[]").unwrap();
    let stats = evaluate(&golden_path("public/eval/gt.json"), &results).report().stats;
    assert_eq!(stats, [0.0; 12]);
    let stats = evaluate(&golden_path("formula/eval_gt.json"), &results).report().stats;
    // There are no large objects.
    assert_eq!(stats, [0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0]);
}

#[test]
fn a_damaged_or_misplaced_result_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    let truth = GroundTruth::read(&golden_path("formula/eval_gt.json")).unwrap();
    let check = |result: &str, expected: &str| {
        std::fs::write(&path, format!("[{result}]")).unwrap();
        let results = Results::read(&path).unwrap();
        let message = YtvisEvaluator::new(&truth).evaluate(&results).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    check(
        r#"{"video_id": 1, "category_id": 1, "score": 1, "segmentations": [null, {"size": [2, 2], "counts": "5"}]}"#,
        "results.json: [0] (video 1): segmentations[1]: expected run lengths with a sum of 4, for the size 2x2",
    );
    check(
        r#"{"video_id": 99, "category_id": 1, "score": 1, "segmentations": []}"#,
        "results.json: [0] (video 99): video_id: expected the id of a video of ",
    );
}

#[test]
fn results_of_unknown_categories_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    let golden = golden_path("formula/eval_results.json");
    let mut list = read_json(&golden).unwrap();
    let mut stray = list[0].clone();
    stray["category_id"] = 77.into();
    list.as_array_mut().unwrap().insert(0, stray);
    std::fs::write(&path, list.to_string()).unwrap();
    let truth = golden_path("formula/eval_gt.json");
    assert_eq!(evaluate(&truth, &path).report(), evaluate(&truth, &golden).report());
}
