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
    FfmpegLocation, FilmFormat, FolderWriter, Fonts, Frame, FrameRate, FrameSink, FrameSource,
    Frames, OverlayObject, PixelAspect, Timing, VideoError, draw_overlay_with_fonts, track_color,
};
use serde::{Deserialize, Serialize};

use super::tracks::Track;
use crate::progress::Stage;

/// Frame rate for images without times.
const DEFAULT_RATE: FrameRate = FrameRate { numerator: 10, denominator: 1 };

/// Frames with a smaller long edge, in pixels, are enlarged before labels are drawn.
const SMALLEST_LONG_EDGE: u32 = 480;

/// Frames read ahead of the drawing threads.
const FRAMES_AHEAD: usize = 4;

/// What is drawn, and where it is written.
pub(super) struct Overlay<'a> {
    pub(super) output: &'a Path,
    pub(super) ffmpeg: &'a FfmpegLocation,
    pub(super) fonts: &'a Fonts,
    pub(super) tracks: &'a [&'a Track],
    /// Set when the user asks to stop.
    pub(super) stop: &'a AtomicBool,
    pub(super) shown: &'a Shown,
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
}

impl OverlayFiles {
    /// The same files by their names only.
    pub(super) fn names(&self) -> Self {
        let name = |path: &Path| path.file_name().map_or_else(|| path.to_path_buf(), PathBuf::from);
        Self { video: name(&self.video), frames: name(&self.frames) }
    }

    /// The same names within a folder.
    pub(super) fn within(self, folder: &Path) -> Self {
        Self { video: folder.join(self.video), frames: folder.join(self.frames) }
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
        let mut write = |image: Result<RgbImage>| -> Result<()> {
            film.write(&image?)?;
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
        Ok(OverlayFiles { video, frames: frames_path })
    }
}

/// Why nothing is drawn if all `tracks` score below `threshold`.
pub(super) fn reason(tracks: &[Track], threshold: f64) -> String {
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
