//! Why results cannot be exported.

use std::io;
use std::path::{Path, PathBuf};

use seqformer_annotations::{AnnotationError, Fault};
use seqformer_convert::ConvertError;
use seqformer_evaluation::EvaluationError;
use seqformer_video::VideoError;

/// Results that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A results file cannot be read.
    #[error(transparent)]
    Results(#[from] EvaluationError),
    /// A file beside the results is not as it should be.
    #[error(transparent)]
    Annotation(#[from] AnnotationError),
    /// An annotation format cannot hold the results.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// The frames of a video cannot be read, or a film cannot be written.
    #[error(transparent)]
    Video(#[from] VideoError),
    /// The operating system failed to write a file or folder.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The frames of a video are needed, and it is not known where they are.
    #[error(
        "{place}: expected its frames, found {found}; name the videos with --videos in the order of their numbers, or \
         the annotations with --gt and the folder of their images with --images"
    )]
    NoFrames {
        /// The video.
        place: String,
        /// What is there instead.
        found: String,
    },
    /// The frames are not those of the results.
    #[error("{place}: expected {expected}, as the results have, found {found} in {}; is this the video of these results?", path.display())]
    OtherVideo {
        /// The video.
        place: String,
        /// What the results have.
        expected: String,
        /// What the video has.
        found: String,
        /// The video that was read.
        path: PathBuf,
    },
    /// One film is asked for, for several videos.
    #[error("{}: expected one video for one film, found {found}; give the name of a folder", path.display())]
    SeveralFilms {
        /// The film.
        path: PathBuf,
        /// The number of videos.
        found: usize,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl ExportError {
    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_path_buf(), source }
    }

    pub(crate) fn wrong(path: &Path, place: impl Into<String>, fault: Fault) -> Self {
        AnnotationError::wrong(path, place, fault).into()
    }
}
