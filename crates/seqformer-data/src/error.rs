//! What can go wrong between a file and a clip.

use std::io;
use std::path::PathBuf;

use seqformer_masks::ImageSize;
use thiserror::Error;

/// A file that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file cannot be read.
    #[error("{}: cannot read the file", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The content is none of the known kinds of image.
    #[error("{}: expected a JPEG, PNG, WebP, GIF or BMP image, found {found}", path.display())]
    UnknownImageKind {
        /// The file.
        path: PathBuf,
        /// What the content looks like.
        found: String,
    },
    /// The image is truncated or broken.
    #[error(
        "{}: the {kind} image is broken or truncated ({reason}); re-export or remove the file",
        path.display()
    )]
    BrokenImage {
        /// The file.
        path: PathBuf,
        /// `JPEG`, `PNG` and so on.
        kind: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// The image has more pixels than [`ImageSize::MAX_PIXELS`], or none.
    #[error(
        "{}: expected an image of 1 to {} pixels, found size {size}",
        path.display(),
        ImageSize::MAX_PIXELS
    )]
    ImageSize {
        /// The file.
        path: PathBuf,
        /// The size in the header.
        size: ImageSize,
    },
}
