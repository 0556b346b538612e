//! `metrics.json`: one JSON object per line, appended during training.
//!
//! Reference: detectron2 `utils/events.py`, `JSONWriter`.
//!
//! Differs: a resumed run removes what an interrupted run wrote beyond its last checkpoint, and a new run moves an
//! older file aside; the reference appends in both cases, which leaves several series in one file.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use super::MetricsRecord;
use crate::LogError;
use crate::appender::Appender;

/// The open `metrics.json` of a run.
#[derive(Debug)]
pub struct MetricsFile {
    file: Appender,
}

impl MetricsFile {
    /// Starts the series of a new run. An older file is kept as `metrics.1.json`, `metrics.2.json`, and so on.
    ///
    /// # Errors
    ///
    /// Fails if the folder cannot be written.
    pub fn create(path: &Path) -> Result<Self, LogError> {
        if fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() > 0) {
            let aside = seqformer_files::unused_sibling(path);
            tracing::info!("{}: kept as {}", path.display(), aside.display());
            fs::rename(path, &aside)
                .map_err(|source| LogError::Unwritable { path: path.to_owned(), source })?;
        }
        Ok(Self { file: Appender::open(path)? })
    }

    /// Continues the series of a run whose next iteration is `next_iteration`, counted from 0.
    ///
    /// Lines of that iteration and later ones belong to steps that will be repeated, so they are dropped, and so are
    /// unreadable lines. The file is rewritten atomically. A missing file is created.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or written.
    pub fn resume(path: &Path, next_iteration: u64) -> Result<Self, LogError> {
        let text = match read_text(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(LogError::Unreadable { path: path.to_owned(), source }),
        };
        let mut kept = String::with_capacity(text.len());
        for (line, record) in parsed(path, &text) {
            if record.iteration < next_iteration {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        if kept != text {
            seqformer_files::replace(path, |file| file.write_all(kept.as_bytes()))
                .map_err(|source| LogError::Unwritable { path: path.to_owned(), source })?;
        }
        Ok(Self { file: Appender::open(path)? })
    }

    /// Appends one line, and leaves no part of it if that fails.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written. A later call may succeed.
    pub fn write(&mut self, record: &MetricsRecord) -> Result<(), LogError> {
        self.file.append(format!("{}\n", record.to_json()).as_bytes())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }
}

/// Reads all lines of a `metrics.json`, in the order of the file. Invalid lines are skipped with a warning.
///
/// # Errors
///
/// Fails if the file cannot be read.
pub fn read_metrics(path: &Path) -> Result<Vec<MetricsRecord>, LogError> {
    let text =
        read_text(path).map_err(|source| LogError::Unreadable { path: path.to_owned(), source })?;
    Ok(parsed(path, &text).map(|(_, record)| record).collect())
}

/// A torn line may contain anything: only that line is lost, not the file.
fn read_text(path: &Path) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned())
}

fn parsed<'a>(path: &Path, text: &'a str) -> impl Iterator<Item = (&'a str, MetricsRecord)> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.filter_map(move |(index, line)| {
        let record = MetricsRecord::from_json(line);
        if record.is_none() {
            tracing::warn!(
                "{}: line {}: expected a JSON object with an iteration; skipped",
                path.display(),
                index + 1
            );
        }
        record.map(|record| (line, record))
    })
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            read_metrics(&path).unwrap(),
            [record(19, 1.0), record(39, 1.0), record(59, 2.0)]
        );
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
}
