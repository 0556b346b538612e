//! `FrameSink`: writes frames to a folder of numbered JPEGs or to a video file.
//!
//! Everything is written under a temporary name and renamed when complete, so a file or folder with the final name is
//! never half-written.

mod folder;
mod frame_folder;
mod gif;

use std::path::{Path, PathBuf};

use seqformer_data::RgbImage;
use seqformer_files::TemporaryFile;
use seqformer_masks::ImageSize;

use crate::draw::checked_size;
use crate::error::VideoError;
use crate::ffmpeg::{FfmpegLocation, FfmpegProgram, SilentFilm, VideoWriter, add_sound};
use crate::format::FilmFormat;
use gif::GifWriter;

pub use folder::{FolderWriter, write_jpeg};
pub use frame_folder::FrameFolder;

/// Receives frames in order. They are kept only after [`FrameSink::finish`].
#[derive(Debug)]
pub struct FrameSink {
    path: PathBuf,
    frames: usize,
    size: Option<ImageSize>,
    target: Target,
}

/// The output of a [`FrameSink`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The folder or file.
    pub path: PathBuf,
    /// Number of frames.
    pub frames: usize,
    /// Notes for the user, such as about sound that was dropped.
    pub notes: Vec<String>,
}

#[derive(Debug)]
enum Target {
    Folder(FolderWriter),
    // The writer before the file: ffmpeg must end before its output is removed.
    Mp4 {
        writer: Option<VideoWriter>,
        ffmpeg: FfmpegProgram,
        format: FilmFormat,
        file: TemporaryFile,
    },
    Gif {
        writer: Option<GifWriter>,
        format: FilmFormat,
        file: TemporaryFile,
    },
}

impl FrameSink {
    /// Writes `overlay_00000.jpg`, `overlay_00001.jpg` and so on into the folder `path`, which may replace only an
    /// earlier folder of such files.
    ///
    /// # Errors
    ///
    /// The folder contains anything else, or nothing can be written beside it.
    pub fn folder(path: &Path) -> Result<Self, VideoError> {
        Ok(Self::new(path.to_path_buf(), Target::Folder(FolderWriter::create(path)?)))
    }

    /// Writes a video of `fps` frames per second like [`FrameSink::film`], without sound.
    ///
    /// # Errors
    ///
    /// As [`FrameSink::film`], or the frame rate is not a positive number.
    pub fn video(path: &Path, fps: f64, ffmpeg: &FfmpegLocation) -> Result<Self, VideoError> {
        let Some(format) = FilmFormat::even(fps) else {
            let reason = format!("expected a positive number of frames per second, found {fps}");
            return Err(VideoError::Encode { path: path.to_path_buf(), reason });
        };
        Self::film(path, format, ffmpeg)
    }

    /// Writes a video: an mp4 (H.264) if there is an ffmpeg, and an animated GIF otherwise or if `path` ends in `.gif`.
    ///
    /// Without ffmpeg, `overlay.mp4` becomes `overlay.gif`; [`Written::path`] is the actual name. GIFs are reduced so
    /// that no side exceeds 960 pixels; they have no sound, and square pixels.
    ///
    /// # Errors
    ///
    /// The file name ends in neither `.mp4` nor `.gif`, or nothing can be written beside the file.
    pub fn film(
        path: &Path,
        format: FilmFormat,
        ffmpeg: &FfmpegLocation,
    ) -> Result<Self, VideoError> {
        let extension = path.extension().map(|text| text.to_string_lossy().to_ascii_lowercase());
        match (extension.as_deref(), ffmpeg.program()) {
            (Some("mp4"), Some(ffmpeg)) => {
                let file = temporary_file(path, ".mp4")?;
                let target = Target::Mp4 { writer: None, ffmpeg, format, file };
                Ok(Self::new(path.to_path_buf(), target))
            }
            (Some("mp4" | "gif"), _) => {
                let path = path.with_extension("gif");
                let file = temporary_file(&path, ".gif")?;
                Ok(Self::new(path, Target::Gif { writer: None, format, file }))
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
            Target::Mp4 { writer, ffmpeg, format, file } => {
                if writer.is_none() {
                    let started =
                        VideoWriter::start(ffmpeg, file.path(), &self.path, found, format)?;
                    *writer = Some(started);
                }
                if let Some(writer) = writer {
                    writer.write(image)?;
                }
            }
            Target::Gif { writer, format, file } => {
                if writer.is_none() {
                    *writer = Some(GifWriter::start(file, &self.path, found, &format.timing)?);
                }
                if let Some(writer) = writer {
                    writer.write(image)?;
                }
            }
        }
        self.frames += 1;
        Ok(())
    }

    /// Completes the output and gives it its final name.
    ///
    /// # Errors
    ///
    /// There was no frame, the encoder failed, or the output cannot be renamed.
    pub fn finish(self) -> Result<Written, VideoError> {
        let Self { path, frames, target, .. } = self;
        let nothing = || VideoError::NothingToWrite { path: path.clone() };
        let mut notes = Vec::new();
        match target {
            Target::Folder(_) if frames == 0 => return Err(nothing()),
            Target::Folder(folder) => folder.finish()?,
            Target::Mp4 { writer, ffmpeg, format, file } => {
                writer.ok_or_else(nothing)?.finish()?;
                let file = with_sound(&ffmpeg, &format, file, &path, &mut notes)?;
                persist(file, &path)?;
            }
            Target::Gif { writer, format, file } => {
                writer.ok_or_else(nothing)?.finish()?;
                persist(file, &path)?;
                if format.pixel_aspect.is_some_and(|aspect| !aspect.is_square()) {
                    notes.push("a GIF has square pixels: it looks stretched".to_owned());
                }
                if format.sound_of.is_some() {
                    notes.push("a GIF has no sound".to_owned());
                }
            }
        }
        let notes = notes.into_iter().map(|note| format!("{}: {note}", path.display())).collect();
        Ok(Written { path, frames, notes })
    }
}

/// The video, combined with its sound.
fn with_sound(
    ffmpeg: &FfmpegProgram,
    format: &FilmFormat,
    film: TemporaryFile,
    path: &Path,
    notes: &mut Vec<String>,
) -> Result<TemporaryFile, VideoError> {
    let Some(sound_of) = &format.sound_of else { return Ok(film) };
    let joined = temporary_file(path, ".mp4")?;
    let silent = SilentFilm { film: film.path(), start: format.timing.start(), sound_of };
    let (has_sound, remarks) = add_sound(ffmpeg, silent, joined.path())?;
    notes.extend(remarks);
    Ok(if has_sound { joined } else { film })
}

/// A new file in the folder of `path`, which is created if missing.
fn temporary_file(path: &Path, suffix: &str) -> Result<TemporaryFile, VideoError> {
    make_parent(path)?;
    TemporaryFile::beside(path, suffix).map_err(|source| write_error(path, source))
}

/// Creates the parent folder of `path`.
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
