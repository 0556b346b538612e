//! Errors of ground truth and results.

use std::io;
use std::path::{Path, PathBuf};

use seqformer_annotations::AnnotationError;

/// A file of ground truth or results that cannot be used or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// The operating system failed to open or read the file.
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The operating system failed to write the file.
    #[error("{path}: cannot be written: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Annotations or results are invalid.
    #[error(transparent)]
    Annotation(#[from] AnnotationError),
    /// Another process writes the same results.
    #[error(
        "{path}: another run is writing these results; wait for it or choose \
         another folder", path = path.display()
    )]
    InUse {
        /// The journal.
        path: PathBuf,
    },
    /// The journal was started by a run with other settings.
    #[error(
        "{path}: started by another run: expected {expected}, found {found}; remove the file to start over", path = path.display()
    )]
    OtherRun {
        /// The journal.
        path: PathBuf,
        /// The description of this run.
        expected: String,
        /// The description in the journal.
        found: String,
    },
    /// A video or image was written that cannot be written now.
    #[error("{path}: {part} {id}: {message}", path = path.display())]
    Part {
        /// The results file.
        path: PathBuf,
        /// The unit of results: `video` or `image`.
        part: &'static str,
        /// Its id.
        id: i64,
        /// What was expected and found.
        message: String,
    },
    /// Results cannot be finished while videos or images are missing.
    #[error(
        "{path}: expected the results of {expected} {part}s, found {found}: the first one missing \
         is {part} {first}", path = path.display()
    )]
    MissingParts {
        /// The results file.
        path: PathBuf,
        /// The unit of results: `video` or `image`.
        part: &'static str,
        /// Their number in the run.
        expected: usize,
        /// The number of those written.
        found: usize,
        /// The first one without results.
        first: i64,
    },
}

impl EvaluationError {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_path_buf(), source }
    }

    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_path_buf(), source }
    }
}
