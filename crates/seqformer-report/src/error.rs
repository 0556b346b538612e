//! What keeps a report from being written.

use std::io;
use std::path::{Path, PathBuf};

use seqformer_evaluation::EvaluationError;
use seqformer_files::OutputError;
use seqformer_logs::LogError;

/// A report that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Annotations or results that cannot be used, as `score` says it.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
    /// The output is not a name that may be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The log of a training cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The output holds something else than an earlier report.
    #[error(
        "{}: expected a new or empty folder, or with --overwrite an earlier report, found {found}; \
         choose another name", path.display()
    )]
    InUse {
        /// The output.
        path: PathBuf,
        /// What is in it.
        found: String,
    },
    /// A file or folder cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// None of the frames is in the folder.
    #[error(
        "{}: expected the frames that {} lists, found none of {num_frames}, such as {first}; give the \
         folder that these names start from, or leave --frames out", folder.display(), gt.display()
    )]
    NoFrames {
        /// The folder.
        folder: PathBuf,
        /// The annotations.
        gt: PathBuf,
        /// How many frames were looked for.
        num_frames: usize,
        /// The first of them.
        first: String,
    },
    /// The annotations do not name the files of frames.
    #[error(
        "{}: expected file_names for the videos, to find their frames in {}, found none; \
         add them, or leave --frames out", gt.display(), folder.display()
    )]
    NoFileNames {
        /// The annotations.
        gt: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// A folder is not that of a training.
    #[error(
        "{}: expected the OUTPUT_DIR of a training, with metrics.json or config.yaml, found neither; \
         give another folder, or leave --run out", folder.display()
    )]
    NoRun {
        /// The folder.
        folder: PathBuf,
    },
    /// A template of a page is wrong.
    #[error("a page cannot be made: {0}")]
    Page(#[from] minijinja::Error),
    /// Numbers cannot be written as JSON.
    #[error("numbers of a page cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

impl ReportError {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_path_buf(), source }
    }

    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_path_buf(), source }
    }
}
