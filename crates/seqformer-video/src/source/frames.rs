//! Reading the frames of a source one by one.

use std::path::{Path, PathBuf};

use seqformer_data::read_image;
use seqformer_masks::ImageSize;

use super::animation::{AnimationReader, Schedule};
use super::{Frame, folder, gif, pipe};
use crate::error::VideoError;
use crate::ffmpeg::VideoReader;
use crate::format::PixelAspect;
use crate::timing::{TimeStamps, Timing};

/// The frames of a [`FrameSource`](super::FrameSource) in order. Ends after the first error.
#[derive(Debug)]
pub struct Frames {
    pub(super) path: PathBuf,
    pub(super) reader: Reader,
    pub(super) read: usize,
    pub(super) first: Option<(String, ImageSize)>,
    /// The times of an animation, known from the start.
    pub(super) schedule: Option<Schedule>,
    pub(super) stamps: TimeStamps,
    /// Known after the last frame.
    pub(super) timing: Option<Timing>,
    pub(super) notes: Notes,
    pub(super) ended: bool,
}

#[derive(Debug)]
pub(super) enum Reader {
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

/// Notes; equal ones about several images are counted.
#[derive(Debug, Default)]
pub(super) struct Notes {
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
