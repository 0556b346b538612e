//! `FrameSink`: pictures to a folder of numbered JPEGs or to a video file.
//!
//! Everything is written under a temporary name and renamed when complete, so that a file or
//! folder with the final name is never half-written.

mod folder;
mod gif;

use std::path::{Path, PathBuf};

use seqformer_data::RgbImage;
use seqformer_files::TemporaryFile;
use seqformer_masks::ImageSize;

use crate::draw::checked_size;
use crate::error::VideoError;
use crate::ffmpeg::{FfmpegLocation, FfmpegProgram, VideoWriter};
use gif::GifWriter;

pub use folder::{FolderWriter, write_jpeg};

/// Takes pictures one after the other. What was written is kept only after [`FrameSink::finish`].
#[derive(Debug)]
pub struct FrameSink {
    path: PathBuf,
    frames: usize,
    size: Option<ImageSize>,
    target: Target,
}

/// What a [`FrameSink`] has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The folder or file.
    pub path: PathBuf,
    /// Number of frames in it.
    pub frames: usize,
}

#[derive(Debug)]
enum Target {
    Folder(FolderWriter),
    // The writer before the file: ffmpeg is gone before its output is removed.
    Mp4 { writer: Option<VideoWriter>, ffmpeg: FfmpegProgram, fps: f64, file: TemporaryFile },
    Gif { writer: Option<GifWriter>, fps: f64, file: TemporaryFile },
}

impl FrameSink {
    /// Writes `overlay_00000.jpg`, `overlay_00001.jpg` and so on into the folder `path`, which
    /// replaces an earlier folder of such files and nothing else.
    ///
    /// # Errors
    ///
    /// The folder holds anything else, or nothing can be written beside it.
    pub fn folder(path: &Path) -> Result<Self, VideoError> {
        Ok(Self::new(path.to_path_buf(), Target::Folder(FolderWriter::create(path)?)))
    }

    /// Writes a video of `fps` frames per second: an mp4 (H.264) if there is an ffmpeg, and an
    /// animated GIF otherwise or when `path` ends in `.gif`.
    ///
    /// Without ffmpeg, `overlay.mp4` becomes `overlay.gif`; [`Written::path`] tells. GIFs are
    /// reduced so that no side is longer than 960 pixels.
    ///
    /// # Errors
    ///
    /// The file name ends in neither `.mp4` nor `.gif`, the frame rate is not a positive number,
    /// or nothing can be written beside the file.
    pub fn video(path: &Path, fps: f64, ffmpeg: &FfmpegLocation) -> Result<Self, VideoError> {
        let extension = path.extension().map(|text| text.to_string_lossy().to_ascii_lowercase());
        if !(fps.is_finite() && fps > 0.0) {
            let reason = format!("expected a positive number of frames per second, found {fps}");
            return Err(VideoError::Encode { path: path.to_path_buf(), reason });
        }
        match (extension.as_deref(), ffmpeg.program()) {
            (Some("mp4"), Some(ffmpeg)) => {
                let file = temporary_file(path, ".mp4")?;
                Ok(Self::new(path.to_path_buf(), Target::Mp4 { writer: None, ffmpeg, fps, file }))
            }
            (Some("mp4" | "gif"), _) => {
                let path = path.with_extension("gif");
                let file = temporary_file(&path, ".gif")?;
                Ok(Self::new(path, Target::Gif { writer: None, fps, file }))
            }
            _ => Err(VideoError::UnknownFormat { path: path.to_path_buf() }),
        }
    }

    fn new(path: PathBuf, target: Target) -> Self {
        Self { path, frames: 0, size: None, target }
    }

    /// Adds a frame.
    ///
    /// # Errors
    ///
    /// The frame differs in size from the first one, or it cannot be encoded or written.
    pub fn write(&mut self, image: &RgbImage) -> Result<(), VideoError> {
        let found = checked_size(image)?;
        let expected = *self.size.get_or_insert(found);
        if found != expected {
            return Err(VideoError::FrameSize { path: self.path.clone(), expected, found });
        }
        match &mut self.target {
            Target::Folder(folder) => folder.write(self.frames, image)?,
            Target::Mp4 { writer, ffmpeg, fps, file } => {
                if writer.is_none() {
                    let started = VideoWriter::start(ffmpeg, file.path(), &self.path, found, *fps)?;
                    *writer = Some(started);
                }
                if let Some(writer) = writer {
                    writer.write(image)?;
                }
            }
            Target::Gif { writer, fps, file } => {
                if writer.is_none() {
                    *writer = Some(GifWriter::start(file, &self.path, found, *fps)?);
                }
                if let Some(writer) = writer {
                    writer.write(image)?;
                }
            }
        }
        self.frames += 1;
        Ok(())
    }

    /// Completes what was written and gives it its final name.
    ///
    /// # Errors
    ///
    /// There was no frame, the encoder failed, or the final name cannot be taken.
    pub fn finish(self) -> Result<Written, VideoError> {
        let Self { path, frames, target, .. } = self;
        let nothing = || VideoError::NothingToWrite { path: path.clone() };
        match target {
            Target::Folder(_) if frames == 0 => return Err(nothing()),
            Target::Folder(folder) => folder.finish()?,
            Target::Mp4 { writer, file, .. } => {
                writer.ok_or_else(nothing)?.finish()?;
                persist(file, &path)?;
            }
            Target::Gif { writer, file, .. } => {
                writer.ok_or_else(nothing)?.finish()?;
                persist(file, &path)?;
            }
        }
        Ok(Written { path, frames })
    }
}

/// A new file in the folder of `path`, which is made if need be.
fn temporary_file(path: &Path, suffix: &str) -> Result<TemporaryFile, VideoError> {
    make_parent(path)?;
    TemporaryFile::beside(path, suffix).map_err(|source| write_error(path, source))
}

/// Makes the folder that `path` lies in.
fn make_parent(path: &Path) -> Result<(), VideoError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(parent).map_err(|source| write_error(parent, source))
}

fn persist(file: TemporaryFile, path: &Path) -> Result<(), VideoError> {
    file.persist(path).map_err(|source| write_error(path, source))
}

fn write_error(path: &Path, source: std::io::Error) -> VideoError {
    VideoError::Write { path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests;
