//! Why a dataset cannot be read or written.

use std::io;
use std::path::{Path, PathBuf};

use seqformer_annotations::{AnnotationError, Fault};
use seqformer_data::DataError;
use seqformer_files::OutputError;

/// A dataset that cannot be converted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// An annotation file is not as it should be, in whatever format.
    #[error(transparent)]
    Annotation(#[from] AnnotationError),
    /// A picture cannot be read.
    #[error(transparent)]
    Picture(#[from] DataError),
    /// The operating system failed to read a file or folder.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The operating system failed to write a file or folder.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Writing an output failed.
    #[error("the output cannot be written: {0}")]
    Unwritable(#[from] io::Error),
    /// The output may not have this name.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A name of the dataset cannot be that of a file.
    #[error("{place}: {fault}")]
    Name {
        /// The video or frame.
        place: String,
        /// What is wrong with its name.
        fault: Fault,
    },
    /// Something in an archive is wrong.
    #[error("{text}")]
    InArchive {
        /// The message about the file in it.
        text: String,
    },
    /// Something is in the folder that is to be written.
    #[error("{}: expected a new or empty folder, found one with files in it; choose another name", path.display())]
    FolderInUse {
        /// The folder.
        path: PathBuf,
    },
    /// No format fits.
    #[error(
        "{}: expected annotations in a format that is known, found {found}; name the format with --from ({known})",
        path.display()
    )]
    Unknown {
        /// The file or folder.
        path: PathBuf,
        /// What it looks like.
        found: String,
        /// The names of the formats.
        known: String,
    },
    /// The files are not in the format that the user named, but look like another one.
    #[error("{error}; the files look like {found}: leave out --from, or give --from {found}")]
    OtherFormat {
        /// Why they cannot be read as what they were said to be.
        error: Box<ConvertError>,
        /// The format that they seem to have.
        found: &'static str,
    },
    /// The format cannot be written.
    #[error("--to {name}: this format is only read; expected one of {known}")]
    ReadOnly {
        /// The format.
        name: &'static str,
        /// The names of those that can be written.
        known: String,
    },
}

impl ConvertError {
    /// Says where in a file the fault is.
    pub fn wrong(path: &Path, place: impl Into<String>, fault: Fault) -> Self {
        AnnotationError::wrong(path, place, fault).into()
    }

    /// The system failed to read a file or folder.
    pub fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_path_buf(), source }
    }

    /// The system failed to write a file or folder.
    pub fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_path_buf(), source }
    }

    /// Names the output in an error about the temporary file or folder that becomes it.
    #[must_use]
    pub fn of_output(self, output: &Path, temporary: &Path) -> Self {
        match self {
            Self::Unwritable(source) => Self::write(output, source),
            Self::Write { path, source } => {
                // All of its components, because a path with an empty one has a slash at its end.
                let named = path.strip_prefix(temporary).map(|rest| output.iter().chain(rest));
                Self::Write { path: named.map_or(path.clone(), PathBuf::from_iter), source }
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_output_and_no_temporary_folder() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let said = |error: ConvertError| {
            error.of_output(Path::new("found"), Path::new("at/.seqformer-x")).to_string()
        };
        let at = |path: &str| said(ConvertError::write(Path::new(path), full()));
        assert!(at("at/.seqformer-x/a/0.json").starts_with("found/a/0.json: cannot"));
        assert!(at("at/.seqformer-x").starts_with("found: cannot"));
        assert!(at("at/other").starts_with("at/other: cannot"));
        assert!(said(full().into()).starts_with("found: cannot be written: "));
    }
}
