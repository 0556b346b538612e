use serde_json::{Value, json};

use super::MetricsRecord;

fn record(iteration: u64, values: &[(&str, f64)]) -> MetricsRecord {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    MetricsRecord { iteration, values }
}

/// Written by Python: `json.dumps({...}, sort_keys=True)`.
#[test]
fn lines_are_those_of_python() {
    let record = record(19, &[("total_loss", 31.2), ("lr", 0.0002), ("eta_seconds", 5000.0)]);
    let expected = r#"{"eta_seconds": 5000.0, "iteration": 19, "lr": 0.0002, "total_loss": 31.2}"#;
    assert_eq!(record.to_json(), expected);
}

#[test]
fn numbers_that_are_not_finite_become_null_in_valid_json() {
    let values = [("a", f64::NAN), ("b", f64::INFINITY), ("c", f64::NEG_INFINITY), ("\"", 1.0)];
    let json = record(0, &values).to_json();
    let parsed: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(parsed, json!({"iteration": 0, "a": null, "b": null, "c": null, "\"": 1.0}));
    let again = MetricsRecord::from_json(&json).unwrap();
    assert_eq!(again.values.iter().filter(|(_, value)| value.is_nan()).count(), 3);
}

#[test]
fn lines_come_back_to_the_last_bit() {
    let record = record(u64::MAX, &[("a", 0.1 + 0.2), ("b", -1.0e-300), ("c", 1.0)]);
    assert_eq!(MetricsRecord::from_json(&record.to_json()), Some(record));
}

#[test]
fn bare_words_of_python_are_read_as_not_a_number() {
    let line = r#"{"iteration": 5, "segm/AP": NaN, "segm/APs": -Infinity, "x": Infinity, "y": 2}"#;
    let record = MetricsRecord::from_json(line).unwrap();
    let finite: Vec<_> = record.values.iter().filter(|(_, value)| value.is_finite()).collect();
    assert_eq!((record.values.len(), finite), (4, vec![&("y".to_owned(), 2.0)]));
}

#[test]
fn what_is_no_object_with_an_iteration_is_no_record() {
    let lines =
        ["", "{", "[]", "3", r#"{"a": 1}"#, r#"{"iteration": -1}"#, r#"{"iteration": 1.5}"#];
    for line in lines {
        assert_eq!(MetricsRecord::from_json(line), None, "{line}");
    }
}
