//! The frames of a film as image files.

use std::path::{Path, PathBuf};

use seqformer_data::RgbImage;
use seqformer_files::TemporaryFolder;

use super::folder::{encode, temporary_folder};
use super::write_error;
use crate::error::VideoError;

/// JPEG quality: what is trained on should look like the film.
const QUALITY: i32 = 95;

/// A folder of frames, which appears under its name when it is complete.
#[derive(Debug)]
pub struct FrameFolder {
    path: PathBuf,
    folder: TemporaryFolder,
}

impl FrameFolder {
    /// Starts the folder `path`, which does not exist or is empty.
    ///
    /// # Errors
    ///
    /// Nothing can be written beside it.
    pub fn create(path: &Path) -> Result<Self, VideoError> {
        Ok(Self { path: path.to_path_buf(), folder: temporary_folder(path)? })
    }

    /// Writes a frame as a JPEG file of this name.
    ///
    /// # Errors
    ///
    /// The image cannot be encoded or written.
    pub fn write(&self, name: &str, image: &RgbImage) -> Result<(), VideoError> {
        let shown = self.path.join(name);
        let bytes = encode(image, QUALITY, &shown)?;
        std::fs::write(self.folder.path().join(name), bytes)
            .map_err(|source| write_error(&shown, source))
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    ///
    /// Something with files in it has this name by now.
    pub fn finish(self) -> Result<(), VideoError> {
        std::fs::rename(self.folder.path(), &self.path)
            .map_err(|source| write_error(&self.path, source))?;
        self.folder.keep();
        Ok(())
    }
}
