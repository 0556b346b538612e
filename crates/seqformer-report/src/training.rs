//! The page of a training: its curves, its last numbers, and its configuration.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use seqformer_logs::{Curves, read_metrics};
use serde::Serialize;

use crate::error::ReportError;

/// What the folder of a training tells.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Training {
    folder: String,
    /// A picture as SVG.
    curves: Option<String>,
    last_iteration: Option<u64>,
    numbers: Vec<LastNumber>,
    config: Option<String>,
}

/// The last value of a scalar.
#[derive(Debug, Clone, Serialize)]
struct LastNumber {
    name: String,
    value: Option<f64>,
    text: String,
    iteration: u64,
}

impl Training {
    /// Reads `metrics.json` and `config.yaml` of a folder; one of them may be missing.
    ///
    /// # Errors
    ///
    /// Neither is there, or one that is there cannot be read.
    pub(crate) fn read(folder: &Path) -> Result<Self, ReportError> {
        let (metrics, config) = (folder.join("metrics.json"), folder.join("config.yaml"));
        if !metrics.is_file() && !config.is_file() {
            return Err(ReportError::NoRun { folder: folder.to_path_buf() });
        }
        let records = if metrics.is_file() { read_metrics(&metrics)? } else { Vec::new() };
        let mut last: BTreeMap<&str, (f64, u64)> = BTreeMap::new();
        for record in &records {
            for (name, value) in &record.values {
                last.insert(name, (*value, record.iteration));
            }
        }
        let number = |(name, (value, iteration)): (&str, (f64, u64))| LastNumber {
            name: name.to_owned(),
            value: value.is_finite().then_some(value),
            text: if value.is_finite() { format!("{value:.6}") } else { "–".to_owned() },
            iteration,
        };
        let config = if config.is_file() {
            let bytes = fs::read(&config).map_err(|source| ReportError::read(&config, source))?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        } else {
            None
        };
        let title = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy();
        let curves = Curves::from_records(&title, &records).to_svg();
        Ok(Self {
            folder: folder.display().to_string(),
            curves: (!records.is_empty()).then_some(curves),
            last_iteration: records.last().map(|record| record.iteration),
            numbers: last.into_iter().map(number).collect(),
            config,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Training;

    #[test]
    fn a_run_without_metrics_or_configuration_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let error = Training::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("expected the OUTPUT_DIR of a training"), "{error}");
        let lines =
            "{\"iteration\": 19, \"total_loss\": 3.5}\n{\"iteration\": 39, \"total_loss\": NaN}\n";
        fs::write(folder.path().join("metrics.json"), lines).unwrap();
        let found = Training::read(folder.path()).unwrap();
        assert_eq!((found.last_iteration, found.config), (Some(39), None));
        assert!(found.curves.unwrap().starts_with("<svg"));
        assert_eq!((found.numbers[0].value, &*found.numbers[0].text), (None, "–"));
    }
}
