//! A film of the masks: each object in its colour, as in overlays, on black ground.

use std::path::{Path, PathBuf};

use seqformer_data::RgbImage;
use seqformer_video::{FrameSink, VideoError, track_color};

use crate::ExportError;
use crate::found::{FoundVideo, Tools};

/// Writes the film of a video whose masks do not overlap; returns its name, which ends in `.gif` without ffmpeg.
pub(crate) fn write(
    found: &FoundVideo,
    path: &Path,
    tools: &Tools<'_>,
) -> Result<PathBuf, ExportError> {
    let video = &found.video;
    let nothing = || VideoError::NothingToWrite { path: path.to_path_buf() };
    let mut film = FrameSink::film(path, found.film_format().ok_or_else(nothing)?, tools.ffmpeg)?;
    let mut walks: Vec<_> =
        video.tracks.iter().map(|track| (track, track.shapes.frames())).collect();
    for _ in 0..video.length {
        tools.check_stop()?;
        let mut pixels = vec![0; 3 * video.size.num_pixels() as usize];
        for (track, shapes) in &mut walks {
            let mask = shapes.next().flatten().and_then(|shape| shape.draw(video.size));
            let Some(mask) = mask else { continue };
            let color = track_color(track.id.unsigned_abs());
            for (pixel, &is_set) in pixels.chunks_exact_mut(3).zip(mask.decode().as_bytes()) {
                if is_set != 0 {
                    pixel.copy_from_slice(&color);
                }
            }
        }
        film.write(&RgbImage { size: video.size, pixels })?;
    }
    Ok(film.finish()?.path)
}
