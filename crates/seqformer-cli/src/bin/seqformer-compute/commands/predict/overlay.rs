//! Overlays: the video with its objects drawn over it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, Scope};

use anyhow::{Result, ensure};
use seqformer_data::{RgbImage, resize_bilinear, resize_nearest_mask};
use seqformer_engine::{OrderedWorkers, VideoPrediction, num_threads};
use seqformer_masks::{ImageSize, Rle};
use seqformer_video::{
    ContactSheet, FfmpegLocation, FilmFormat, FolderWriter, Fonts, Frame, FrameRate, FrameSink,
    FrameSource, Frames, OverlayObject, PixelAspect, Timing, VideoError, draw_overlay_with_fonts,
    track_color, write_jpeg,
};
use serde::{Deserialize, Serialize};

use super::duplicates::distinct;
use super::tracks::Track;
use crate::output;
use crate::progress::Stage;

/// Frame rate for images without times.
const DEFAULT_RATE: FrameRate = FrameRate { numerator: 10, denominator: 1 };

/// Frames with a smaller long edge, in pixels, are enlarged before labels are drawn.
const SMALLEST_LONG_EDGE: u32 = 480;

/// Frames read ahead of the drawing threads.
const FRAMES_AHEAD: usize = 4;

/// The most frames of a contact sheet, its columns, and their width in pixels.
const SHEET_FRAMES: usize = 8;
const SHEET_COLUMNS: u32 = 4;
const SHEET_TILE_WIDTH: u32 = 480;

/// What the user asks to be drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OverlayOptions {
    /// Tracks above this score are drawn.
    pub(crate) threshold: f64,
    /// Of tracks that overlap by more than this, only the best is drawn.
    pub(crate) max_overlap: f64,
    /// Whether to write some frames in one picture, too.
    pub(crate) contact_sheet: bool,
}

/// What is drawn, and where it is written.
pub(super) struct Overlay<'a> {
    pub(super) output: &'a Path,
    pub(super) ffmpeg: &'a FfmpegLocation,
    pub(super) fonts: &'a Fonts,
    pub(super) tracks: &'a [&'a Track],
    /// Set when the user asks to stop.
    pub(super) stop: &'a AtomicBool,
    pub(super) shown: &'a Shown,
    pub(super) contact_sheet: bool,
}

/// How the video itself says that its frames are to be shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Time stamps; `None` for images.
    pub(super) timing: Option<Timing>,
    pub(super) pixel_aspect: Option<PixelAspect>,
}

impl Shown {
    /// What `frames` knows after its last frame.
    pub(super) fn of(frames: &Frames) -> Self {
        Self { timing: frames.timing().cloned(), pixel_aspect: frames.pixel_aspect() }
    }

    /// The seconds at which frames are shown.
    pub(super) fn times(&self) -> Option<&[f64]> {
        self.timing.as_ref().map(|timing| timing.times.as_slice())
    }

    fn format(&self, source: &FrameSource) -> FilmFormat {
        let even = || Timing::even(DEFAULT_RATE, 0);
        FilmFormat {
            timing: self.timing.clone().unwrap_or_else(even),
            pixel_aspect: self.pixel_aspect,
            sound_of: source.sound_file().map(Path::to_path_buf),
        }
    }
}

/// The overlay files that were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OverlayFiles {
    /// The video or GIF.
    pub(crate) video: PathBuf,
    /// The folder of single frames.
    pub(crate) frames: PathBuf,
    /// Some frames in one picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sheet: Option<PathBuf>,
}

impl OverlayFiles {
    /// The same files by their names only.
    pub(super) fn names(&self) -> Self {
        let name = |path: &Path| path.file_name().map_or_else(|| path.to_path_buf(), PathBuf::from);
        let sheet = self.sheet.as_deref().map(name);
        Self { video: name(&self.video), frames: name(&self.frames), sheet }
    }

    /// The same names within a folder.
    pub(super) fn within(self, folder: &Path) -> Self {
        let sheet = self.sheet.map(|sheet| folder.join(sheet));
        Self { video: folder.join(self.video), frames: folder.join(self.frames), sheet }
    }

    /// Whether nobody has removed one.
    pub(super) fn are_there(&self) -> bool {
        self.video.exists()
            && self.frames.exists()
            && self.sheet.as_ref().is_none_or(|sheet| sheet.exists())
    }
}

impl Overlay<'_> {
    /// Reads the video again and draws on every frame.
    ///
    /// One thread reads, several draw and write single images, and the calling thread passes them to the encoder in
    /// order.
    pub(super) fn draw(
        &self,
        source: &FrameSource,
        name: &str,
        found: &VideoPrediction,
    ) -> Result<OverlayFiles> {
        let film_path = self.output.join(format!("{name}.mp4"));
        let mut film = FrameSink::film(&film_path, self.shown.format(source), self.ffmpeg)?;
        let frames_path = self.output.join(name);
        let folder = FolderWriter::create(&frames_path)?;
        let mut stage = Stage::new(format!("{name}: overlay"), Some(found.num_frames));
        let mut written = 0;
        let mut sheet = ContactSheet::new(SHEET_COLUMNS, SHEET_TILE_WIDTH);
        let in_sheet = if self.contact_sheet { spread(found.num_frames) } else { Vec::new() };
        let mut write = |image: Result<RgbImage>| -> Result<()> {
            let image = image?;
            film.write(&image)?;
            if in_sheet.contains(&written) {
                sheet.push(&image)?;
            }
            written += 1;
            stage.set(written);
            Ok(())
        };
        std::thread::scope(|scope| -> Result<()> {
            let frames = read_ahead(scope, source.frames()?)?;
            let painter =
                Painter { tracks: self.tracks, found, folder: &folder, fonts: self.fonts };
            let paint = move |(index, image)| painter.paint(index, image);
            let mut painters = OrderedWorkers::start(scope, num_threads(), paint)?;
            for (index, frame) in frames.iter().take(found.num_frames).enumerate() {
                ensure!(!self.stop.load(Ordering::Relaxed), "interrupted");
                if let Some(image) = painters.push((index, frame?.image)) {
                    write(image)?;
                }
            }
            painters.try_for_each(write)
        })?;
        stage.finish();
        let written = film.finish()?;
        for note in &written.notes {
            tracing::warn!("{note}");
        }
        let (drawn, video) = (enlarged(found.size), written.path);
        if drawn != found.size {
            let factor = drawn.width / found.size.width.max(1);
            tracing::warn!(
                "{}: frames of {}x{} are enlarged {factor} times in the overlay, so that labels are legible; results \
                 keep the original size",
                video.display(),
                found.size.width,
                found.size.height
            );
        }
        folder.finish()?;
        let sheet = match sheet.finish() {
            Some(picture) => {
                let path = self.output.join(format!("{name}.sheet.jpg"));
                write_jpeg(&path, &picture)?;
                Some(path)
            }
            None => None,
        };
        Ok(OverlayFiles { video, frames: frames_path, sheet })
    }
}

/// The frames of a contact sheet: the first, the last, and those evenly between them.
fn spread(num_frames: usize) -> Vec<usize> {
    let count = num_frames.min(SHEET_FRAMES);
    (0..count).map(|index| index * (num_frames - 1) / (count - 1).max(1)).collect()
}

/// The tracks to draw: those above the threshold, each object once. Tells the user what is left out.
pub(super) fn drawn_tracks<'a>(
    name: &str,
    tracks: &'a [Track],
    found: &VideoPrediction,
    options: OverlayOptions,
) -> Vec<&'a Track> {
    let above = |track: &&Track| f64::from(track.score) > options.threshold;
    let above: Vec<&Track> = tracks.iter().filter(above).collect();
    if above.is_empty() {
        output::note(&format!("{name}: nothing is drawn: {}", reason(tracks, options.threshold)));
    }
    let scores: Vec<f32> = above.iter().map(|track| track.score).collect();
    let mask = |track: usize, frame: usize| found.masks.mask(above[track].rank, frame);
    let kept = distinct(&scores, found.num_frames, options.max_overlap, &mask);
    if kept.len() < above.len() {
        output::note(&format!(
            "{name}: {} of {} tracks are not drawn, because better ones cover them (--overlay-max-overlap 1 draws all)",
            above.len() - kept.len(),
            above.len()
        ));
    }
    kept.into_iter().map(|track| above[track]).collect()
}

/// Why nothing is drawn if all `tracks` score below `threshold`.
fn reason(tracks: &[Track], threshold: f64) -> String {
    match tracks.iter().map(|track| track.score).reduce(f32::max) {
        Some(best) => format!(
            "none of {} tracks has a score above {threshold}; the best has {best:.3} (--overlay-threshold)",
            tracks.len()
        ),
        None => "there are no tracks".to_owned(),
    }
}

/// Reads frames on a separate thread, a few ahead of the drawing threads.
fn read_ahead<'scope>(
    scope: &'scope Scope<'scope, '_>,
    frames: Frames,
) -> Result<Receiver<Result<Frame, VideoError>>> {
    let (sender, receiver) = sync_channel(FRAMES_AHEAD);
    let read = move || {
        for frame in frames {
            if sender.send(frame).is_err() {
                return;
            }
        }
    };
    Builder::new().name("frames".to_owned()).spawn_scoped(scope, read)?;
    Ok(receiver)
}

/// Draws single frames.
#[derive(Clone, Copy)]
struct Painter<'a> {
    tracks: &'a [&'a Track],
    found: &'a VideoPrediction,
    folder: &'a FolderWriter,
    fonts: &'a Fonts,
}

impl Painter<'_> {
    /// Draws the tracks over a frame and writes it into the folder.
    fn paint(&self, index: usize, image: RgbImage) -> Result<RgbImage> {
        let size = enlarged(self.found.size);
        let mut image = if image.size == size { image } else { resize_bilinear(&image, size) };
        let mask = |track: &&Track| resized(self.found.masks.mask(track.rank, index), size);
        let masks: Vec<Rle> = self.tracks.iter().map(mask).collect();
        let objects = self.tracks.iter().zip(&masks).map(|(track, mask)| OverlayObject {
            mask,
            color: track_color(track.track_id),
            label: label(track),
        });
        draw_overlay_with_fonts(&mut image, &objects.collect::<Vec<_>>(), self.fonts)?;
        self.folder.write(index, &image)?;
        Ok(image)
    }
}

/// Class, number and score. The class is isolated (U+2068, U+2069), so that one that runs from right to left does not turn
/// the numbers around.
fn label(track: &Track) -> String {
    format!("\u{2068}{}\u{2069} #{} {:.2}", track.class, track.track_id, track.score)
}

/// An integer multiple of the size whose long edge leaves room for labels.
fn enlarged(size: ImageSize) -> ImageSize {
    let factor = SMALLEST_LONG_EDGE.div_ceil(size.height.max(size.width).max(1)).max(1);
    ImageSize { height: factor * size.height, width: factor * size.width }
}

fn resized(mask: Rle, size: ImageSize) -> Rle {
    if mask.size() == size {
        return mask;
    }
    Rle::encode(&resize_nearest_mask(&mask.decode(), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_sheet_reaches_from_the_first_frame_to_the_last() {
        assert_eq!(spread(0), Vec::<usize>::new());
        assert_eq!(spread(1), [0]);
        assert_eq!(spread(3), [0, 1, 2]);
        assert_eq!(spread(8), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(spread(100), [0, 14, 28, 42, 56, 70, 84, 99]);
    }
}
