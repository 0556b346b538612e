//! What a reader and a writer of a format is.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use seqformer_masks::ImageSize;

use crate::{ConvertError, Dataset, Notes};

/// What a format leaves open.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// The folder of the images that the annotations name.
    pub images: Option<PathBuf>,
    /// The size of frames where neither the annotations nor the images tell it.
    pub size: Option<ImageSize>,
}

/// Reads a format.
pub trait Reader: Sync {
    /// Reads a file or folder.
    ///
    /// # Errors
    ///
    /// What cannot be read or is wrong, with the place and the mend.
    fn read(
        &self,
        input: &Path,
        options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError>;
}

/// Writes a format that is one file.
pub trait FileWriter: Sync {
    /// Writes the whole file; what the format cannot hold goes into `notes`.
    ///
    /// # Errors
    ///
    /// A dataset that cannot be written at all, or the system's errors.
    fn write(
        &self,
        dataset: &Dataset,
        file: &mut File,
        notes: &mut Notes,
    ) -> Result<(), ConvertError>;
}

/// Writes a format that is a folder of files.
pub trait FolderWriter: Sync {
    /// Fills an empty folder; what the format cannot hold goes into `notes`.
    ///
    /// # Errors
    ///
    /// A dataset that cannot be written at all, or the system's errors.
    fn write(
        &self,
        dataset: &Dataset,
        folder: &Path,
        notes: &mut Notes,
    ) -> Result<(), ConvertError>;
}

/// How a format is written.
#[derive(Clone, Copy)]
pub enum Writer {
    /// As one file.
    File(&'static dyn FileWriter),
    /// As a folder of files.
    Folder(&'static dyn FolderWriter),
}

impl fmt::Debug for Writer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::File(_) => "a file",
            Self::Folder(_) => "a folder",
        })
    }
}
