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
mod tests;
