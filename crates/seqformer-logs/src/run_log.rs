//! `log.txt`: the log of a run beside the console.
//!
//! A log must not end a training of several days: a line that cannot be written is lost, reported once, and counted in
//! the file as soon as it can be written again.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::LogError;

type OnError = Box<dyn Fn(&LogError) + Send + Sync>;

/// A log file that never fails.
///
/// An `Arc<RunLog>` is a writer for `tracing_subscriber`'s layers, which hand over one line at a time:
///
/// ```no_run
/// # use std::{path::Path, sync::Arc};
/// # use seqformer_logs::{LogError, RunLog};
/// let log = RunLog::open(Path::new("output/log.txt"), |error| eprintln!("{error}"))?;
/// let layer = tracing_subscriber::fmt::layer::<tracing_subscriber::Registry>()
///     .with_ansi(false)
///     .with_writer(Arc::new(log));
/// # drop(layer);
/// # Ok::<(), LogError>(())
/// ```
pub struct RunLog {
    path: PathBuf,
    sink: Mutex<Sink>,
    on_error: OnError,
}

struct Sink {
    writer: Box<dyn Write + Send>,
    lost_lines: u64,
    reported: bool,
}

impl RunLog {
    /// Opens `path` at its end, or creates it.
    ///
    /// `on_error` is called for the first line that cannot be written; it must not log through this file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be opened.
    pub fn open(
        path: &Path,
        on_error: impl Fn(&LogError) + Send + Sync + 'static,
    ) -> Result<Self, LogError> {
        let file = OpenOptions::new().append(true).create(true).open(path);
        let file = file.map_err(|source| LogError::Unwritable { path: path.to_owned(), source })?;
        Ok(Self::with_writer(path, Box::new(file), Box::new(on_error)))
    }

    fn with_writer(path: &Path, writer: Box<dyn Write + Send>, on_error: OnError) -> Self {
        let sink = Sink { writer, lost_lines: 0, reported: false };
        Self { path: path.to_owned(), sink: Mutex::new(sink), on_error }
    }

    /// Writes one line, including its end, or loses it.
    pub fn write_line(&self, line: &[u8]) {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let Err(source) = sink.write(line) else { return };
        let first = !std::mem::replace(&mut sink.reported, true);
        drop(sink);
        if first {
            (self.on_error)(&LogError::Unwritable { path: self.path.clone(), source });
        }
    }
}

impl Sink {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let written = self.write_note().and_then(|()| self.writer.write_all(line));
        if written.is_err() {
            self.lost_lines += 1;
        }
        written
    }

    /// Notes how many lines are missing here, on a line of its own after what may be half a line.
    fn write_note(&mut self) -> io::Result<()> {
        if self.lost_lines == 0 {
            return Ok(());
        }
        let note = format!("\n[lines that could not be written here: {}]\n", self.lost_lines);
        self.writer.write_all(note.as_bytes())?;
        self.lost_lines = 0;
        Ok(())
    }
}

impl Write for &RunLog {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.write_line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for RunLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RunLog").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use super::RunLog;

    /// A disk with room for so many bytes.
    #[derive(Clone, Default)]
    struct Disk {
        content: Arc<Mutex<Vec<u8>>>,
        room: Arc<AtomicUsize>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let room = self.room.load(Ordering::SeqCst);
            if room == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let taken = bytes.len().min(room);
            self.room.store(room - taken, Ordering::SeqCst);
            self.content.lock().unwrap().extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_said_once_and_lost_lines_are_counted() {
        let disk = Disk::default();
        let reports = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&reports);
        let log = RunLog::with_writer(
            Path::new("log.txt"),
            Box::new(disk.clone()),
            Box::new(move |error| seen.lock().unwrap().push(error.to_string())),
        );
        disk.room.store(7, Ordering::SeqCst);
        for line in ["one\n", "second\n", "third\n"] {
            (&log).write_all(line.as_bytes()).unwrap();
        }
        disk.room.store(1000, Ordering::SeqCst);
        log.write_line(b"four\n");
        let content = String::from_utf8(disk.content.lock().unwrap().clone()).unwrap();
        assert_eq!(content, "one\nsec\n[lines that could not be written here: 2]\nfour\n");
        let reports = reports.lock().unwrap();
        assert_eq!(reports.len(), 1);
        assert!(reports[0].starts_with("log.txt: cannot be written"), "{}", reports[0]);
    }

    #[test]
    fn a_subscriber_writes_its_lines_into_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        for run in 0..2 {
            let log = Arc::new(RunLog::open(&path, |error| panic!("{error}")).unwrap());
            let subscriber =
                tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(log).finish();
            tracing::subscriber::with_default(subscriber, || tracing::info!("run {run}"));
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let ends: Vec<_> = text.lines().map(|line| line.rsplit(": ").next().unwrap()).collect();
        assert_eq!(ends, ["run 0", "run 1"]);
    }

    #[test]
    fn a_log_that_cannot_be_opened_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = RunLog::open(folder.path(), |_| {}).unwrap_err().to_string();
        assert!(error.starts_with(&folder.path().display().to_string()), "{error}");
    }
}
