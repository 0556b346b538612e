//! Random datasets with the numbers of TrackEval, the DAVIS evaluation and TETA's own code.
//!
//! `scripts/compare/track_metrics.py --golden` has written them.

use std::fs;
use std::path::Path;

use seqformer_evaluation::{GroundTruth, Results, YtvisEvaluator};
use seqformer_metrics::{Metric, Selection, TrackMetrics};
use seqformer_testing::read_json;
use serde_json::Value;

const METRICS: [Metric; 5] =
    [Metric::Hota, Metric::Identity, Metric::Mots, Metric::Davis, Metric::Teta];
const TOLERANCE: f64 = 1e-9;

/// Compares every number of `expected`, and returns how many there are.
fn check(place: &str, found: &Value, expected: &Value) -> usize {
    match expected {
        Value::Object(entries) => {
            let entry = |(key, expected): (&String, &Value)| {
                // A class without annotations and results has no entry.
                let is_left_out = place.ends_with("per_class") && found.get(key).is_none();
                let found = found.get(key).unwrap_or(&Value::Null);
                if is_left_out { 0 } else { check(&format!("{place}.{key}"), found, expected) }
            };
            entries.iter().map(entry).sum()
        }
        Value::Array(expected) => {
            let found = found.as_array().unwrap_or_else(|| panic!("{place}: found {found}"));
            assert_eq!(found.len(), expected.len(), "{place}");
            let pairs = found.iter().zip(expected);
            pairs.map(|(found, expected)| check(place, found, expected)).sum()
        }
        expected => {
            let [found, expected] = [found, expected].map(Value::as_f64);
            let [Some(found), Some(expected)] = [found, expected] else {
                panic!("{place}: expected {expected:?}, found {found:?}")
            };
            assert!((found - expected).abs() < TOLERANCE, "{place}: {found} and {expected}");
            1
        }
    }
}

#[test]
fn every_number_is_that_of_the_official_tools() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/track_metrics.json");
    let cases = read_json(&fixtures).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [gt, results] = ["gt.json", "results.json"].map(|name| folder.path().join(name));
    for case in cases.as_array().unwrap() {
        let seed = &case["seed"];
        fs::write(&gt, case["truth"].to_string()).unwrap();
        fs::write(&results, case["results"].to_string()).unwrap();
        let (truth, results) = (GroundTruth::read(&gt).unwrap(), Results::read(&results).unwrap());
        let evaluated =
            TrackMetrics::evaluate(&truth, &results, &METRICS, Selection::default()).unwrap();
        for report in evaluated.reports() {
            let name = report.metric.name();
            let expected = &case["expected"][name];
            let count = check(&format!("case {seed}: {name}"), &report.to_json(false), expected);
            assert!(count > 5, "case {seed}: {name} has only {count} numbers");
        }
        let boxes = YtvisEvaluator::new(&truth).evaluate_boxes(&results).unwrap().report();
        for (name, expected) in case["expected"]["box-ap"]["per_class"].as_object().unwrap() {
            let class = boxes.per_class.iter().find(|class| class.name == *name).unwrap();
            if class.is_present {
                let found = serde_json::json!(class.stats[..2]);
                check(&format!("case {seed}: box-ap of {name}"), &found, expected);
            }
        }
    }
}
