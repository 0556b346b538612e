//! Numbered JPEG files in a folder.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use seqformer_data::RgbImage;
use seqformer_files::{TemporaryFolder, replace_folder};
use turbojpeg::{PixelFormat, Subsamp};

use super::{make_parent, persist, temporary_file, write_error};
use crate::draw::checked_size;
use crate::error::VideoError;

/// JPEG quality, with full colour resolution, so that thin coloured lines stay sharp.
const QUALITY: i32 = 90;

/// Distinguishes overlays from the frames of a video, whose names are often just numbers.
const PREFIX: &str = "overlay_";

/// A folder of numbered JPEGs being filled beside its final name.
///
/// Several threads may write at once, each image once. Images are kept only after
/// [`FolderWriter::finish`].
#[derive(Debug)]
pub struct FolderWriter {
    path: PathBuf,
    folder: TemporaryFolder,
}

impl FolderWriter {
    /// Starts the folder `path`, which may replace only an earlier folder of such images.
    ///
    /// # Errors
    ///
    /// The folder contains anything else, or nothing can be written beside it.
    pub fn create(path: &Path) -> Result<Self, VideoError> {
        // Follow a link to its folder.
        let path = path.canonicalize().unwrap_or_else(|_new| path.to_path_buf());
        check_replaceable(&path)?;
        let folder = temporary_folder(&path)?;
        Ok(Self { path, folder })
    }

    /// Writes the image with this number: `overlay_00000.jpg`, `overlay_00001.jpg` and so on.
    ///
    /// # Errors
    ///
    /// The image cannot be encoded or written.
    pub fn write(&self, index: usize, image: &RgbImage) -> Result<(), VideoError> {
        let name = format!("{PREFIX}{index:05}.jpg");
        let shown = self.path.join(&name);
        let bytes = encode(image, QUALITY, &shown)?;
        // The folder itself is temporary.
        std::fs::write(self.folder.path().join(name), bytes)
            .map_err(|source| write_error(&shown, source))
    }

    /// Moves the folder to its final name; an earlier one is removed only then.
    ///
    /// # Errors
    ///
    /// The folder cannot be renamed.
    pub fn finish(self) -> Result<(), VideoError> {
        let path = &self.path;
        check_replaceable(path)?;
        replace_folder(self.folder, path).map_err(|source| write_error(path, source))
    }
}

/// Writes `image` as a JPEG file under a temporary name and renames it.
///
/// # Errors
///
/// The image cannot be encoded, or the file cannot be written.
pub fn write_jpeg(path: &Path, image: &RgbImage) -> Result<(), VideoError> {
    let bytes = encode(image, QUALITY, path)?;
    let mut file = temporary_file(path, ".jpg")?;
    file.file_mut().write_all(&bytes).map_err(|source| write_error(path, source))?;
    persist(file, path)
}

pub(super) fn encode(image: &RgbImage, quality: i32, path: &Path) -> Result<Vec<u8>, VideoError> {
    let size = checked_size(image)?;
    let width = size.width as usize;
    let raw = turbojpeg::Image {
        pixels: image.pixels.as_slice(),
        width,
        pitch: width * 3,
        height: size.height as usize,
        format: PixelFormat::RGB,
    };
    match turbojpeg::compress(raw, quality, Subsamp::None) {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(error) => {
            Err(VideoError::Encode { path: path.to_path_buf(), reason: error.to_string() })
        }
    }
}

/// Only a folder of overlays, or an empty one, may be replaced.
fn check_replaceable(path: &Path) -> Result<(), VideoError> {
    let listing = match std::fs::read_dir(path) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(write_error(path, error)),
    };
    for entry in listing {
        let entry = entry.map_err(|source| write_error(path, source))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = name
            .strip_prefix(PREFIX)
            .and_then(|name| name.strip_suffix(".jpg"))
            .unwrap_or_default();
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(VideoError::FolderInUse { path: path.to_path_buf(), found: name });
        }
    }
    Ok(())
}

/// A new folder beside `path`.
pub(super) fn temporary_folder(path: &Path) -> Result<TemporaryFolder, VideoError> {
    make_parent(path)?;
    TemporaryFolder::beside(path).map_err(|source| write_error(path, source))
}
