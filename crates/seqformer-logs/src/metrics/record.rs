//! One line of `metrics.json`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The key of the iteration among the scalars.
const ITERATION: &str = "iteration";

/// The reported scalars of one iteration.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsRecord {
    /// The iteration, from 0.
    pub iteration: u64,
    /// Names and values; NaN where the number was not finite or missing.
    pub values: Vec<(String, f64)>,
}

impl MetricsRecord {
    /// The record as one JSON object with sorted keys, without a line end.
    ///
    /// JSON has no non-finite numbers: such a value becomes `null`.
    pub fn to_json(&self) -> String {
        let mut object: BTreeMap<&str, Value> =
            self.values.iter().map(|(name, value)| (name.as_str(), Value::from(*value))).collect();
        object.insert(ITERATION, Value::from(self.iteration));
        // Spaces as in Python's `json.dumps`, so that scripts that split lines keep working.
        let members = object.iter().map(|(name, value)| format!("{}: {value}", Value::from(*name)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
    }

    /// Parses one line; `None` if it is not such an object.
    ///
    /// Python writes bare `NaN` and `Infinity`, which JSON does not allow; they are read as NaN. Values that are not
    /// numbers are skipped.
    pub fn from_json(line: &str) -> Option<Self> {
        let object: Map<String, Value> = serde_json::from_str(line)
            .or_else(|_not_json| serde_json::from_str(&without_bare_words(line)))
            .ok()?;
        let iteration = object.get(ITERATION)?.as_u64()?;
        let number = |value: &Value| match value {
            Value::Null => Some(f64::NAN),
            value => value.as_f64(),
        };
        let values = object.into_iter().filter(|(name, _)| name != ITERATION);
        let values = values.filter_map(|(name, value)| number(&value).map(|value| (name, value)));
        Some(Self { iteration, values: values.collect() })
    }
}

fn without_bare_words(line: &str) -> String {
    let words = [": NaN", ": Infinity", ": -Infinity"];
    words.iter().fold(line.to_owned(), |line, word| line.replace(word, ": null"))
}

#[cfg(test)]
mod tests {
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
        let expected =
            r#"{"eta_seconds": 5000.0, "iteration": 19, "lr": 0.0002, "total_loss": 31.2}"#;
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
        let line =
            r#"{"iteration": 5, "segm/AP": NaN, "segm/APs": -Infinity, "x": Infinity, "y": 2}"#;
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
}
