//! `FrameSource`: a folder of images, a video file, an animated GIF, a single image or a pipe.

mod folder;
mod gif;
mod pipe;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use seqformer_data::{RgbImage, read_image};
use seqformer_masks::ImageSize;

use crate::error::VideoError;
use crate::ffmpeg::{self, FfmpegLocation, FfmpegProgram, VideoInfo, VideoReader};

/// One picture of a video.
#[derive(Debug, Clone)]
pub struct Frame {
    /// File name of the image, or the five-digit number of the frame in its video file.
    pub name: String,
    /// The pixels.
    pub image: RgbImage,
}

/// A video that can be read from the start as often as needed, or once if it comes through a pipe.
#[derive(Debug, Clone)]
pub struct FrameSource {
    path: PathBuf,
    kind: Kind,
    notes: Vec<String>,
}

#[derive(Debug, Clone)]
enum Kind {
    Images(Vec<PathBuf>),
    Gif(gif::GifInfo),
    Pipe,
    Video { ffmpeg: FfmpegProgram, info: VideoInfo },
}

impl FrameSource {
    /// Opens the folder, video file, GIF or single image at `path`; `-` is standard input, from which
    /// binary PPM pictures are read.
    ///
    /// Images of a folder are taken in natural order (`img2` before `img10`). `ffmpeg` is needed
    /// for video files only.
    ///
    /// # Errors
    ///
    /// A missing path, a folder without images, a file without a video stream, or a video file
    /// when there is no ffmpeg.
    pub fn open(path: &Path, ffmpeg: &FfmpegLocation) -> Result<Self, VideoError> {
        if pipe::is_standard_input(path) {
            return Ok(Self { path: path.to_path_buf(), kind: Kind::Pipe, notes: Vec::new() });
        }
        let metadata = std::fs::metadata(path).map_err(|source| read_error(path, source))?;
        let mut notes = Vec::new();
        let kind = if metadata.is_dir() {
            let listing = folder::list_images(path)?;
            notes.extend(listing.note);
            Kind::Images(listing.images)
        } else if !metadata.is_file() {
            return Err(VideoError::NotAFile { path: path.to_path_buf() });
        } else if is_gif(path)? {
            Kind::Gif(gif::scan(path)?)
        } else if folder::is_image(path) {
            Kind::Images(vec![path.to_path_buf()])
        } else {
            let ffmpeg = ffmpeg.require(path)?;
            let info = ffmpeg::probe(&ffmpeg.path, path)?;
            Kind::Video { ffmpeg, info }
        };
        Ok(Self { path: path.to_path_buf(), kind, notes })
    }

    /// Starts reading from the first frame.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or ffmpeg does not start. Broken frames are reported by the
    /// iterator.
    pub fn frames(&self) -> Result<Frames, VideoError> {
        let reader = match &self.kind {
            Kind::Images(images) => Reader::Images(images.clone().into_iter()),
            Kind::Gif(_) => Reader::Gif(Box::new(gif::GifReader::open(&self.path)?)),
            Kind::Pipe => Reader::Pipe(pipe::PipeReader::new(Box::new(std::io::stdin()))),
            Kind::Video { ffmpeg, .. } => Reader::Video(Box::new(VideoReader::start(
                ffmpeg,
                &self.path,
                self.frame_count_hint(),
            )?)),
        };
        Ok(Frames { reader, read: 0, first: None, notes: Vec::new(), ended: false })
    }

    /// The number of frames: exact for images, a promise of the header for video files.
    pub fn frame_count_hint(&self) -> Option<usize> {
        match &self.kind {
            Kind::Images(images) => Some(images.len()),
            Kind::Gif(info) => Some(info.frames),
            Kind::Pipe => None,
            Kind::Video { info, .. } => info.frame_count(),
        }
    }

    /// Frames per second; images in a folder have none.
    pub fn fps(&self) -> Option<f64> {
        match &self.kind {
            Kind::Images(_) | Kind::Pipe => None,
            Kind::Gif(info) => info.fps,
            Kind::Video { info, .. } => info.fps,
        }
    }

    /// Whether [`FrameSource::frames`] can begin anew.
    pub fn can_restart(&self) -> bool {
        !matches!(self.kind, Kind::Pipe)
    }

    /// The video's name: that of the folder, or of the file without its extension; `pipe` for a pipe.
    pub fn name(&self) -> String {
        if matches!(self.kind, Kind::Pipe) {
            return "pipe".to_owned();
        }
        // `.` and `..` have no name of their own.
        let full = self.path.canonicalize().unwrap_or_else(|_gone| self.path.clone());
        let name = if full.is_dir() { full.file_name() } else { full.file_stem() };
        name.map_or_else(|| "video".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// What was given to [`FrameSource::open`].
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Remarks on what was opened, such as files that were skipped.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// The frames of a [`FrameSource`], in order. Ends after the first error.
#[derive(Debug)]
pub struct Frames {
    reader: Reader,
    read: usize,
    first: Option<(String, ImageSize)>,
    notes: Vec<String>,
    ended: bool,
}

#[derive(Debug)]
enum Reader {
    Images(std::vec::IntoIter<PathBuf>),
    Gif(Box<gif::GifReader>),
    Pipe(pipe::PipeReader),
    Video(Box<VideoReader>),
}

impl Frames {
    /// Remarks on what was read so far; complete after the last frame. A video that was cut short
    /// is reported here.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    fn read_next(&mut self) -> Result<Option<Frame>, VideoError> {
        let frame = match &mut self.reader {
            Reader::Images(paths) => {
                let Some(path) = paths.next() else { return Ok(None) };
                let decoded = read_image(&path)?;
                for note in decoded.notes {
                    self.notes.push(format!("{}: {note}", path.display()));
                }
                let frame = Frame { name: folder::file_name(&path), image: decoded.image };
                self.check_size(&path, &frame)?;
                frame
            }
            Reader::Gif(reader) => {
                let Some(image) = reader.next_frame()? else {
                    self.notes.extend(reader.warning().map(str::to_owned));
                    return Ok(None);
                };
                Frame { name: format!("{:05}", self.read), image }
            }
            Reader::Pipe(reader) => {
                let Some(image) = reader.next_frame()? else {
                    self.notes.extend(reader.warning().map(str::to_owned));
                    return Ok(None);
                };
                let frame = Frame { name: format!("{:05}", self.read), image };
                self.check_size(Path::new(&frame.name), &frame)?;
                frame
            }
            Reader::Video(reader) => {
                let Some(image) = reader.next_frame()? else {
                    self.notes.extend(reader.warning().map(str::to_owned));
                    return Ok(None);
                };
                Frame { name: format!("{:05}", self.read), image }
            }
        };
        self.read += 1;
        Ok(Some(frame))
    }

    fn check_size(&mut self, path: &Path, frame: &Frame) -> Result<(), VideoError> {
        let (first, expected) =
            self.first.get_or_insert_with(|| (frame.name.clone(), frame.image.size));
        if frame.image.size == *expected {
            return Ok(());
        }
        Err(VideoError::MixedSizes {
            path: path.to_path_buf(),
            first: first.clone(),
            expected: *expected,
            found: frame.image.size,
        })
    }
}

impl Iterator for Frames {
    type Item = Result<Frame, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.read_next().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

fn is_gif(path: &Path) -> Result<bool, VideoError> {
    let mut magic = Vec::new();
    let file = File::open(path).map_err(|source| read_error(path, source))?;
    file.take(4).read_to_end(&mut magic).map_err(|source| read_error(path, source))?;
    Ok(magic == b"GIF8")
}

fn read_error(path: &Path, source: std::io::Error) -> VideoError {
    VideoError::Read { path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests;
