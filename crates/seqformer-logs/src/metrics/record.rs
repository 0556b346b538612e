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
mod tests;
