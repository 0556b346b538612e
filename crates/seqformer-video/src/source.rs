//! `FrameSource`: a folder of images, a video file, an animated GIF, WebP or PNG, a single image or a pipe.

mod animation;
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
use crate::format::PixelAspect;
use crate::timing::{TimeStamps, Timing};
use animation::{AnimationReader, Schedule};

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

/// The frames of a [`FrameSource`] in order. Ends after the first error.
#[derive(Debug)]
pub struct Frames {
    path: PathBuf,
    reader: Reader,
    read: usize,
    first: Option<(String, ImageSize)>,
    /// The times of an animation, known from the start.
    schedule: Option<Schedule>,
    stamps: TimeStamps,
    /// Known after the last frame.
    timing: Option<Timing>,
    notes: Notes,
    ended: bool,
}

#[derive(Debug)]
enum Reader {
    Images(std::vec::IntoIter<PathBuf>),
    Gif(Box<gif::GifReader>),
    Animation(Box<AnimationReader>),
    Pipe(pipe::PipeReader),
    Video(Box<VideoReader>),
}

impl Frames {
    /// Notes about what was read, such as damage; complete after the last frame.
    pub fn notes(&self) -> Vec<String> {
        self.notes.texts(self.read)
    }

    /// When the frames are shown. Known after the last frame; images and pipes have no times.
    pub fn timing(&self) -> Option<&Timing> {
        self.timing.as_ref()
    }

    /// The pixel aspect ratio, if the file specifies it; known with the first frame.
    pub fn pixel_aspect(&self) -> Option<PixelAspect> {
        match &self.reader {
            Reader::Video(reader) => reader.pixel_aspect(),
            _ => None,
        }
    }

    fn read_next(&mut self) -> Result<Option<Frame>, VideoError> {
        let numbered = format!("{:05}", self.read);
        let scheduled = self.schedule.as_ref().and_then(|all| all.times.get(self.read).copied());
        let read = match &mut self.reader {
            Reader::Images(paths) => match paths.next() {
                None => None,
                Some(path) => {
                    let decoded = read_image(&path)?;
                    self.notes.on_images(&path, decoded.notes);
                    let name = folder::file_name(&path);
                    let frame = Frame { name, image: decoded.image, time: None };
                    self.check_size(&path, &frame)?;
                    Some(frame)
                }
            },
            Reader::Gif(reader) => {
                let image = reader.next_frame()?;
                image.map(|image| Frame { name: numbered, image, time: scheduled })
            }
            Reader::Animation(reader) => {
                let image = reader.next_frame()?;
                image.map(|image| Frame { name: numbered, image, time: scheduled })
            }
            Reader::Pipe(reader) => match reader.next_frame()? {
                None => None,
                Some(image) => {
                    let frame = Frame { name: numbered, image, time: None };
                    self.check_size(Path::new(&frame.name), &frame)?;
                    Some(frame)
                }
            },
            Reader::Video(reader) => {
                let decoded = reader.next_frame()?;
                decoded.map(|frame| Frame { name: numbered, image: frame.image, time: frame.time })
            }
        };
        match &read {
            Some(frame) => {
                self.read += 1;
                self.stamps.times.push(frame.time);
            }
            None => self.finish(),
        }
        Ok(read)
    }

    /// Collects what is known only at the end.
    fn finish(&mut self) {
        let own: Vec<String> = match &self.reader {
            Reader::Images(_) => Vec::new(),
            Reader::Gif(reader) => reader.warning().map(str::to_owned).into_iter().collect(),
            Reader::Animation(reader) => reader.warning().map(str::to_owned).into_iter().collect(),
            Reader::Pipe(reader) => reader.warning().map(str::to_owned).into_iter().collect(),
            Reader::Video(reader) => {
                self.stamps.last_duration = reader.last_duration();
                reader.warnings().to_vec()
            }
        };
        for note in own {
            self.notes.add(note);
        }
        if let Some(schedule) = &self.schedule {
            self.stamps.last_duration = schedule.last_duration();
        }
        let aspect = self.pixel_aspect().filter(|aspect| !aspect.is_square());
        if let Some(aspect) = aspect {
            self.notes.add(format!(
                "{}: pixels are not square ({aspect}): frames are used as they are stored",
                self.path.display()
            ));
        }
        if let Some((timing, remarks)) = Timing::new(&self.stamps) {
            self.timing = Some(timing);
            // Animations usually have frames of different durations.
            if matches!(self.reader, Reader::Video(_)) {
                for remark in remarks {
                    self.notes.add(format!("{}: {remark}", self.path.display()));
                }
            }
        }
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

/// Notes; equal ones about several images are counted.
#[derive(Debug, Default)]
struct Notes {
    all: Vec<String>,
    /// The note, the first image, and the number of images.
    on_images: Vec<(String, PathBuf, usize)>,
}

impl Notes {
    fn add(&mut self, note: String) {
        self.all.push(note);
    }

    fn on_images(&mut self, path: &Path, notes: Vec<String>) {
        for note in notes {
            match self.on_images.iter_mut().find(|(known, ..)| *known == note) {
                Some((.., count)) => *count += 1,
                None => self.on_images.push((note, path.to_path_buf(), 1)),
            }
        }
    }

    fn texts(&self, num_images: usize) -> Vec<String> {
        let on_images = self.on_images.iter().map(|(note, first, count)| {
            let first = first.display();
            if *count == 1 {
                return format!("{first}: {note}");
            }
            format!("{first} and {} more of {num_images} images: {note}", count - 1)
        });
        self.all.iter().cloned().chain(on_images).collect()
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
