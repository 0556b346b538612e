//! Errors of splitting, merging and reducing datasets.

use std::path::PathBuf;

use seqformer_annotations::AnnotationError;
use seqformer_convert::ConvertError;

/// A dataset that cannot be processed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CurationError {
    /// The dataset cannot be read, or a file cannot be written.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// A class that the dataset does not have.
    #[error(
        "{option} {name}: expected a class of the dataset, found none of this name; it has {known}"
    )]
    UnknownClass {
        /// The option that names it.
        option: &'static str,
        /// The name.
        name: String,
        /// The classes that there are.
        known: String,
    },
    /// A pattern that matches no video.
    #[error(
        "--videos {pattern}: expected the name of a video, or a pattern that one fits, such as 'street_*'; {found}"
    )]
    NoVideo {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        found: String,
    },
    /// Parts of which one gets no video.
    #[error(
        "{}: no video is left for this part of {num_videos} videos; give it a larger share, or make fewer parts",
        path.display()
    )]
    EmptyPart {
        /// The file of the part.
        path: PathBuf,
        /// The number of videos of the dataset.
        num_videos: usize,
    },
    /// Folders of images without a common parent folder.
    #[error("--images {}: cannot be found: {source}", path.display())]
    Images {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl From<AnnotationError> for CurationError {
    fn from(error: AnnotationError) -> Self {
        Self::Convert(error.into())
    }
}

/// Lists names for a message, the first few of them.
pub(crate) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 12;
    let mut names: Vec<&str> = names.collect();
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    match (names.is_empty(), more) {
        (true, _) => "none at all".to_owned(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{} and {more} more", names.join(", ")),
    }
}
