//! The video once more, with its objects drawn over it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use seqformer_data::{resize_bilinear, resize_nearest_mask};
use seqformer_engine::VideoPrediction;
use seqformer_masks::{ImageSize, Rle};
use seqformer_video::{
    FfmpegLocation, FrameSink, FrameSource, OverlayObject, draw_overlay, track_color,
};
use serde::Serialize;

use super::tracks::Track;
use crate::progress::Stage;

/// Frames per second of pictures that came without a rate.
const DEFAULT_FPS: f64 = 10.0;

/// Smaller frames are enlarged before labels are drawn on them, in pixels of the long edge.
const SMALLEST_LONG_EDGE: u32 = 480;

/// What is drawn, and where it goes.
pub(super) struct Overlay<'a> {
    pub(super) output: &'a Path,
    pub(super) ffmpeg: &'a FfmpegLocation,
    pub(super) tracks: &'a [&'a Track],
}

/// The pictures that were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct OverlayFiles {
    /// The video or GIF.
    pub(crate) video: PathBuf,
    /// The folder of single frames.
    pub(crate) frames: PathBuf,
}

impl Overlay<'_> {
    /// Reads the video again and draws on every frame.
    pub(super) fn draw(
        &self,
        source: &FrameSource,
        name: &str,
        found: &VideoPrediction,
    ) -> Result<OverlayFiles> {
        let fps = source.fps().unwrap_or(DEFAULT_FPS);
        let mut film =
            FrameSink::video(&self.output.join(format!("{name}.mp4")), fps, self.ffmpeg)?;
        let mut folder = FrameSink::folder(&self.output.join(name))?;
        let mut stage = Stage::new(format!("{name}: overlay"), Some(found.num_frames));
        let size = enlarged(found.size);
        for (index, frame) in source.frames()?.take(found.num_frames).enumerate() {
            let mut image = resize_bilinear(&frame?.image, size);
            let masks: Vec<Rle> = self
                .tracks
                .iter()
                .map(|track| resized(found.masks.mask(track.rank, index), size))
                .collect();
            let objects: Vec<OverlayObject<'_>> = self
                .tracks
                .iter()
                .zip(&masks)
                .map(|(track, mask)| OverlayObject {
                    mask,
                    color: track_color(track.track_id),
                    label: format!("{} #{} {:.2}", track.class, track.track_id, track.score),
                })
                .collect();
            draw_overlay(&mut image, &objects)?;
            film.write(&image)?;
            folder.write(&image)?;
            stage.set(index + 1);
        }
        stage.finish();
        Ok(OverlayFiles { video: film.finish()?.path, frames: folder.finish()?.path })
    }
}

/// A multiple of the size whose long edge leaves room for labels.
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
