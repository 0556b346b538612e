use std::fs;
use std::path::Path;

use super::{MetricsFile, read_metrics};
use crate::metrics::MetricsRecord;

fn record(iteration: u64, loss: f64) -> MetricsRecord {
    MetricsRecord { iteration, values: vec![("total_loss".into(), loss)] }
}

fn iterations(path: &Path) -> Vec<u64> {
    read_metrics(path).unwrap().iter().map(|record| record.iteration).collect()
}

#[test]
fn a_resumed_run_leaves_one_clean_series() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.json");
    let mut file = MetricsFile::resume(&path, 0).unwrap();
    for iteration in [19, 39, 59, 79] {
        file.write(&record(iteration, 1.0)).unwrap();
    }
    drop(file);
    let mut file = MetricsFile::resume(&path, 40).unwrap();
    file.write(&record(59, 2.0)).unwrap();
    assert_eq!(read_metrics(&path).unwrap(), [record(19, 1.0), record(39, 1.0), record(59, 2.0)]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn lines_that_are_kept_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.json");
    let text = "{\"iteration\": 19, \"total_loss\": 1, \"note\": \"x\"}\n";
    fs::write(&path, format!("{text}{{\"iteration\": 39, \"to")).unwrap();
    MetricsFile::resume(&path, 1000).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_line_that_cannot_be_read_costs_that_line_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.json");
    fs::write(&path, b"{\"iteration\": 19}\n{\"iter\xFF\n\n{\"iteration\": 59}").unwrap();
    assert_eq!(iterations(&path), [19, 59]);
    let mut file = MetricsFile::resume(&path, 60).unwrap();
    file.write(&record(79, 1.0)).unwrap();
    assert_eq!(iterations(&path), [19, 59, 79]);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
}

#[test]
fn a_new_run_keeps_the_series_of_the_older_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.json");
    for run in 1..=3 {
        let mut file = MetricsFile::create(&path).unwrap();
        assert_eq!(file.path(), path);
        file.write(&record(run, 1.0)).unwrap();
    }
    assert_eq!(iterations(&path), [3]);
    assert_eq!(iterations(&folder.path().join("metrics.1.json")), [1]);
    assert_eq!(iterations(&folder.path().join("metrics.2.json")), [2]);
}

#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing.json");
    let expected = format!("{}: cannot be read", path.display());
    let error = read_metrics(&path).unwrap_err().to_string();
    assert!(error.starts_with(&expected), "{error}");
    let error = MetricsFile::resume(folder.path(), 1).unwrap_err().to_string();
    assert!(error.starts_with(&folder.path().display().to_string()), "{error}");
}
