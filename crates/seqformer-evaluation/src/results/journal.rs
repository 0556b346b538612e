//! The finished videos or images of a run that may be killed at any moment.
//!
//! One line each, written in one go; the first line says whose journal it is. What a killed
//! run leaves behind is a number of whole lines and perhaps a part of one, which is cut off.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::EvaluationError;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    run: String,
}

/// Any other line; `results` is the text that goes into the final file.
#[derive(Debug, Deserialize)]
struct PartLine {
    #[serde(alias = "video_id", alias = "image_id")]
    id: i64,
    // `IgnoredAny` would let text pass that is no UTF-8 or no Unicode, and the final file would not be JSON.
    #[serde(rename = "results")]
    _results: Vec<Value>,
}

/// What results are written by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Video,
    Image,
}

/// Where the results of a video or image lie in the journal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) id: i64,
    /// The list without its brackets.
    start: u64,
    length: u64,
}

/// An open journal, locked against other processes.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    part: Part,
    file: File,
    /// Where the next line begins.
    end: u64,
}

impl Journal {
    /// Opens the journal of `run`, or begins one, and returns what is in it; `afresh` drops what an
    /// earlier run has left.
    pub(super) fn open(
        path: &Path,
        part: Part,
        run: &str,
        afresh: bool,
    ) -> Result<(Self, Vec<Span>), EvaluationError> {
        let failed = |source| EvaluationError::write(path, source);
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(EvaluationError::InUse { path: path.to_path_buf() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let mut journal = Self { path: path.to_path_buf(), part, file, end: 0 };
        let spans = if afresh { Vec::new() } else { journal.read(run)? };
        // Whatever follows the last whole line is the end of a killed run.
        journal.file.set_len(journal.end).map_err(failed)?;
        if journal.end == 0 {
            let header = serde_json::to_string(&Header { run: run.to_owned() })
                .map_err(|error| failed(error.into()))?;
            journal.append(&header)?;
        }
        Ok((journal, spans))
    }

    /// Appends the results of a video or image, given as the text of the list without its brackets.
    pub(super) fn push(&mut self, id: i64, list: &str) -> Result<Span, EvaluationError> {
        let prefix = prefix(self.part, id);
        let start = self.end + prefix.len() as u64;
        self.append(&format!("{prefix}{list}{SUFFIX}"))?;
        Ok(Span { id, start, length: list.len() as u64 })
    }

    /// Copies the results of a video or image.
    pub(super) fn copy(&self, span: Span, output: &mut impl Write) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(span.start))?;
        let copied = io::copy(&mut file.take(span.length), output)?;
        if copied == span.length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Deletes the journal.
    pub(super) fn remove(self) -> Result<(), EvaluationError> {
        let Self { path, file, .. } = self;
        drop(file);
        fs::remove_file(&path).map_err(|source| EvaluationError::write(&path, source))
    }

    fn append(&mut self, line: &str) -> Result<(), EvaluationError> {
        let mut write = || {
            self.file.seek(SeekFrom::Start(self.end))?;
            self.file.write_all(format!("{line}\n").as_bytes())?;
            self.file.sync_data()
        };
        write().map_err(|source| EvaluationError::write(&self.path, source))?;
        self.end += line.len() as u64 + 1;
        Ok(())
    }

    /// Walks over the whole lines; the first that is damaged ends the walk.
    fn read(&mut self, run: &str) -> Result<Vec<Span>, EvaluationError> {
        let mut spans = Vec::new();
        let mut reader = BufReader::new(&self.file);
        let mut line = Vec::new();
        let mut end = 0;
        loop {
            line.clear();
            let length = reader
                .read_until(b'\n', &mut line)
                .map_err(|source| EvaluationError::read(&self.path, source))?;
            let Some(text) = line.strip_suffix(b"\n") else { break };
            if end == 0 {
                let Ok(Header { run: found }) = serde_json::from_slice(text) else { break };
                if found != run {
                    let (path, expected) = (self.path.clone(), run.to_owned());
                    return Err(EvaluationError::OtherRun { path, expected, found });
                }
            } else {
                let Some(span) = Span::of_line(self.part, text, end) else { break };
                spans.push(span);
            }
            end += length as u64;
        }
        self.end = end;
        Ok(spans)
    }
}

const SUFFIX: &str = "]}";

fn prefix(part: Part, id: i64) -> String {
    format!("{{\"{}_id\": {id}, \"results\": [", part.name())
}

impl Part {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Image => "image",
        }
    }

    pub(super) fn with_article(self) -> &'static str {
        match self {
            Self::Video => "a video",
            Self::Image => "an image",
        }
    }
}

impl Span {
    /// Finds the results in a line that begins at `offset`, nothing if the line is damaged.
    fn of_line(part: Part, line: &[u8], offset: u64) -> Option<Self> {
        let PartLine { id, .. } = serde_json::from_slice(line).ok()?;
        let prefix = prefix(part, id);
        let list = line.strip_prefix(prefix.as_bytes())?.strip_suffix(SUFFIX.as_bytes())?;
        let start = offset + prefix.len() as u64;
        Some(Self { id, start, length: list.len() as u64 })
    }

    /// Tells whether there are no results.
    pub(super) fn is_empty(self) -> bool {
        self.length == 0
    }
}
