//! `FrameSource`: a folder of images, a video file, an animated GIF, WebP or PNG, a single image or a pipe.

mod animation;
mod folder;
mod frames;
mod gif;
mod pipe;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use seqformer_data::RgbImage;

use crate::error::VideoError;
use crate::ffmpeg::{self, FfmpegLocation, FfmpegProgram, VideoInfo, VideoReader};
use crate::timing::TimeStamps;
use animation::{AnimationReader, Schedule};
pub use frames::Frames;
use frames::{Notes, Reader};

/// One frame of a video.
#[derive(Debug, Clone)]
pub struct Frame {
    /// File name of the image, or the five-digit number of the frame in its video file.
    pub name: String,
    /// The pixels.
    pub image: RgbImage,
    /// When it is shown, in seconds from the start of the video; `None` if unknown.
    pub time: Option<f64>,
}

/// A video that can be read repeatedly from the start, or once if it is a pipe.
#[derive(Debug, Clone)]
pub struct FrameSource {
    path: PathBuf,
    kind: Kind,
    notes: Vec<String>,
}

#[derive(Debug, Clone)]
enum Kind {
    Images(Vec<PathBuf>),
    Gif(Schedule),
    Animation(Schedule),
    Pipe,
    Video { ffmpeg: FfmpegProgram, info: VideoInfo },
}

impl FrameSource {
    /// Opens the folder, video file, animation or single image at `path`; `-` is standard input, from which binary PPM
    /// images are read.
    ///
    /// Images of a folder are in natural order (`img2` before `img10`). `ffmpeg` is needed only for video files.
    ///
    /// # Errors
    ///
    /// A missing path, a folder without images, a file without a video stream, or a video file without ffmpeg.
    pub fn open(path: &Path, ffmpeg: &FfmpegLocation) -> Result<Self, VideoError> {
        if pipe::is_standard_input(path) {
            return Ok(Self { path: path.to_path_buf(), kind: Kind::Pipe, notes: Vec::new() });
        }
        let metadata = std::fs::metadata(path).map_err(|source| open_error(path, source))?;
        let mut notes = Vec::new();
        let kind = if metadata.is_dir() {
            let listing = folder::list_images(path)?;
            notes.extend(listing.notes);
            Kind::Images(listing.images)
        } else if !metadata.is_file() {
            return Err(VideoError::NotAFile { path: path.to_path_buf() });
        } else if is_gif(path)? {
            Kind::Gif(gif::scan(path)?)
        } else if folder::is_image(path) {
            match animation::scan(path)? {
                Some(schedule) => Kind::Animation(schedule),
                None => Kind::Images(vec![path.to_path_buf()]),
            }
        } else {
            let ffmpeg = ffmpeg.require(path)?;
            let info = ffmpeg::probe(&ffmpeg.path, path)?;
            notes.extend(info.notes.iter().map(|note| format!("{}: {note}", path.display())));
            Kind::Video { ffmpeg, info }
        };
        Ok(Self { path: path.to_path_buf(), kind, notes })
    }

    /// Opens images in this order; `path` names them as a whole.
    pub fn images(path: &Path, images: Vec<PathBuf>) -> Self {
        Self { path: path.to_path_buf(), kind: Kind::Images(images), notes: Vec::new() }
    }

    /// The file names of the images, without folders; `None` for videos, animations and pipes.
    pub fn image_names(&self) -> Option<Vec<String>> {
        match &self.kind {
            Kind::Images(images) => {
                Some(images.iter().map(|path| folder::file_name(path)).collect())
            }
            _ => None,
        }
    }

    /// Starts reading from the first frame.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or ffmpeg does not start. Broken frames are reported by the
    /// iterator.
    pub fn frames(&self) -> Result<Frames, VideoError> {
        let mut stamps = TimeStamps::default();
        let mut schedule = None;
        let reader = match &self.kind {
            Kind::Images(images) => Reader::Images(images.clone().into_iter()),
            Kind::Gif(times) => {
                schedule = Some(times.clone());
                Reader::Gif(Box::new(gif::GifReader::open(&self.path)?))
            }
            Kind::Animation(times) => {
                schedule = Some(times.clone());
                let frames = times.times.len();
                Reader::Animation(Box::new(AnimationReader::open(&self.path, frames)?))
            }
            Kind::Pipe => Reader::Pipe(pipe::PipeReader::new(Box::new(std::io::stdin()))),
            Kind::Video { ffmpeg, info } => {
                stamps = info.time_stamps();
                Reader::Video(Box::new(VideoReader::start(ffmpeg, &self.path, info)?))
            }
        };
        Ok(Frames {
            path: self.path.clone(),
            reader,
            read: 0,
            first: None,
            schedule,
            stamps,
            timing: None,
            notes: Notes::default(),
            ended: false,
        })
    }

    /// The number of frames: exact for images, an estimate from the header for video files.
    pub fn frame_count_hint(&self) -> Option<usize> {
        match &self.kind {
            Kind::Images(images) => Some(images.len()),
            Kind::Gif(schedule) | Kind::Animation(schedule) => Some(schedule.times.len()),
            Kind::Pipe => None,
            Kind::Video { info, .. } => info.frame_count(),
        }
    }

    /// Frames per second according to the file; [`Frames::timing`] is more accurate. `None` for images in a folder.
    pub fn fps(&self) -> Option<f64> {
        match &self.kind {
            Kind::Images(_) | Kind::Pipe => None,
            Kind::Gif(schedule) | Kind::Animation(schedule) => schedule.fps(),
            Kind::Video { info, .. } => info.fps,
        }
    }

    /// Whether [`FrameSource::frames`] can be called again.
    pub fn can_restart(&self) -> bool {
        !matches!(self.kind, Kind::Pipe)
    }

    /// The video's name: that of the folder, or of the file without its extension; `pipe` for a pipe.
    pub fn name(&self) -> String {
        if matches!(self.kind, Kind::Pipe) {
            return "pipe".to_owned();
        }
        // `.` and `..` have no name themselves.
        let full = self.path.canonicalize().unwrap_or_else(|_gone| self.path.clone());
        let name = if full.is_dir() { full.file_name() } else { full.file_stem() };
        name.map_or_else(|| "video".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// The file that may contain sound; `None` for images and pipes.
    pub fn sound_file(&self) -> Option<&Path> {
        matches!(self.kind, Kind::Video { .. }).then_some(self.path.as_path())
    }

    /// The path given to [`FrameSource::open`].
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes about the input, such as skipped files.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

fn is_gif(path: &Path) -> Result<bool, VideoError> {
    let mut magic = Vec::new();
    let file = File::open(path).map_err(|source| read_error(path, source))?;
    file.take(4).read_to_end(&mut magic).map_err(|source| read_error(path, source))?;
    Ok(magic == b"GIF8")
}

/// The error for a missing input, with a guess what was meant.
fn open_error(path: &Path, source: std::io::Error) -> VideoError {
    let text = path.to_string_lossy();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = parent.unwrap_or(Path::new(".")).display();
    let hint = if text.contains("://") {
        format!(
            "URLs are not opened: save the video first, or pipe it: ffmpeg -i {text} -f image2pipe -c:v ppm \
             -pix_fmt rgb24 - | seqformer predict … -"
        )
    } else if text.contains(['*', '?', '%', '[']) {
        format!("patterns are not expanded: give the folder of the images, {folder}")
    } else if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        "cameras are read through a pipe: ffmpeg -i DEVICE -f image2pipe -c:v ppm -pix_fmt rgb24 - | \
         seqformer predict … -"
            .to_owned()
    } else {
        return read_error(path, source);
    };
    VideoError::NotAnInput { path: path.to_path_buf(), source, hint }
}

fn read_error(path: &Path, source: std::io::Error) -> VideoError {
    VideoError::Read { path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests;
