//! The `KEY VALUE …` list of the command line.

use crate::ConfigError;

/// Splits the list into keys and the texts of their values; `KEY=VALUE` counts as a pair.
pub(crate) fn pairs(opts: &[String]) -> Result<Vec<(String, String)>, ConfigError> {
    let mut pairs = Vec::new();
    let mut items = opts.iter();
    while let Some(item) = items.next() {
        if item.starts_with('-') {
            return Err(ConfigError::Opts(format!(
                "expected a key, found {item:?}; options go before the KEY VALUE pairs"
            )));
        }
        let (key, value) = if let Some((key, value)) = item.split_once('=') {
            (key.to_owned(), value.to_owned())
        } else {
            let no_value = || format!("expected KEY VALUE pairs, found no value for {item}");
            let value = items.next().ok_or_else(|| ConfigError::Opts(no_value()))?;
            (item.clone(), value.clone())
        };
        if key == "_BASE_" {
            return Err(ConfigError::Opts("_BASE_ is for files only".to_owned()));
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::pairs;

    fn strings(items: &[&str]) -> Vec<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    #[test]
    fn pairs_and_assignments_are_split() {
        let opts = strings(&["A.B", "-1e-4", "C=x=y", "D", "a=b"]);
        let expected = [("A.B", "-1e-4"), ("C", "x=y"), ("D", "a=b")];
        let expected: Vec<_> = expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        assert_eq!(pairs(&opts).unwrap(), expected);
    }

    #[test]
    fn malformed_lists_are_errors() {
        let cases = [
            (&["SEED"][..], "command line: expected KEY VALUE pairs, found no value for SEED"),
            (&["--resume"], "options go before"),
            (&["_BASE_", "x.yaml"], "_BASE_ is for files only"),
        ];
        for (opts, expected) in cases {
            let error = pairs(&strings(opts)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
