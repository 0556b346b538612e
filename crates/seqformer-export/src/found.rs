//! What was found in videos.

use std::sync::atomic::{AtomicBool, Ordering};

use seqformer_convert::{Category, Track, Video};
use seqformer_video::{FfmpegLocation, FilmFormat, FrameSource, PixelAspect, Timing};

use crate::ExportError;

/// Frames per second of videos whose frames have no times.
const DEFAULT_FPS: f64 = 10.0;

/// Results of any number of videos.
#[derive(Debug, Clone, Default)]
pub struct Export {
    /// The classes.
    pub categories: Vec<Category>,
    /// The videos with what was found in them.
    pub videos: Vec<FoundVideo>,
}

/// A video with what was found in it.
#[derive(Debug, Clone)]
pub struct FoundVideo {
    /// Size, length and names of the frames, and the tracks, whose masks have that size.
    pub video: Video,
    /// When its frames are shown; nothing for images.
    pub timing: Option<Timing>,
    /// The shape of its pixels; square if nothing is known.
    pub pixel_aspect: Option<PixelAspect>,
    /// Its frames, for the kinds that need them.
    pub source: Option<FrameSource>,
}

/// What writing needs besides the results.
#[derive(Debug, Clone, Copy)]
pub struct Tools<'a> {
    /// Writes films.
    pub ffmpeg: &'a FfmpegLocation,
    /// Set when the user asks to stop.
    pub stop: &'a AtomicBool,
}

impl Tools<'_> {
    /// Fails if the user asked to stop.
    pub(crate) fn check_stop(&self) -> Result<(), ExportError> {
        if self.stop.load(Ordering::Relaxed) { Err(ExportError::Interrupted) } else { Ok(()) }
    }
}

impl FoundVideo {
    /// How a film with one picture for each frame is shown; without sound.
    pub(crate) fn film_format(&self) -> Option<FilmFormat> {
        let even = FilmFormat::even(DEFAULT_FPS)?;
        let timing = self.timing.clone().unwrap_or(even.timing);
        Some(FilmFormat { timing, pixel_aspect: self.pixel_aspect, sound_of: None })
    }
}

impl Export {
    /// Names an object as a file: its number and class.
    pub(crate) fn object_name(&self, track: &Track) -> String {
        let class = self.categories.iter().find(|category| category.id == track.category_id);
        let class = class.map_or_else(String::new, |class| format!("_{}", file_name(&class.name)));
        format!("{}{class}", track.id)
    }
}

/// Makes a name of a file, without folders, of any text.
pub(crate) fn file_name(text: &str) -> String {
    const RESERVED: [char; 9] = ['/', '\\', ':', '*', '?', '"', '<', '>', '|'];
    let is_wrong = |letter: char| letter.is_control() || RESERVED.contains(&letter);
    let name: String =
        text.trim().chars().map(|letter| if is_wrong(letter) { '_' } else { letter }).collect();
    if name.starts_with('.') { name.replacen('.', "_", 1) } else { name }
}
