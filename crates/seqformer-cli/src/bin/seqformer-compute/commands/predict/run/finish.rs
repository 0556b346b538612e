//! What follows the prediction of a video: its overlay, and files of other tools.

use std::time::Instant;

use anyhow::Result;
use seqformer_engine::VideoPrediction;
use seqformer_export::Tools;

use super::{Found, Output, Run};
use crate::commands::predict::inputs::Input;
use crate::commands::predict::overlay::{Overlay, OverlayFiles, Shown, drawn_tracks};
use crate::commands::predict::save::Saved;
use crate::commands::predict::summary::{FinishedVideo, Tracks};
use crate::commands::predict::tracks::Track;

impl Run<'_> {
    /// Draws the overlay of a video whose results are written, and saves its objects.
    pub(super) fn finish(
        &mut self,
        input: &Input,
        video_id: u64,
        found: Found,
    ) -> Result<FinishedVideo> {
        let Found { prediction, shown, tracks, num_results, secs: network_secs } = found;
        let start = Instant::now();
        let overlay = self.draw(input, &prediction, &tracks, &shown)?;
        let overlay_secs = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let saved =
            Saved { input, video_id, prediction: &prediction, tracks: &tracks, shown: &shown };
        let tools = Tools { ffmpeg: &self.ffmpeg, stop: self.stop };
        let Output { folder, saving, .. } = &mut self.output;
        let saved = saving.write(folder, &saved, &self.classes, &tools)?;
        let save_secs = start.elapsed().as_secs_f64();
        Ok(FinishedVideo {
            name: input.name.clone(),
            video_id,
            frames: prediction.num_frames,
            height: prediction.size.height,
            width: prediction.size.width,
            results: num_results,
            kept: false,
            secs: network_secs + overlay_secs + save_secs,
            network_secs,
            overlay_secs,
            overlay,
            saved,
            tracks: Tracks::New(tracks),
        })
    }

    /// Draws the tracks over the video, if overlays are wanted and the video can be read again.
    fn draw(
        &self,
        input: &Input,
        found: &VideoPrediction,
        tracks: &[Track],
        shown: &Shown,
    ) -> Result<Option<OverlayFiles>> {
        let can_restart = input.source.can_restart();
        let Some(options) = self.output.overlay.filter(|_| can_restart) else {
            return Ok(None);
        };
        let drawn = drawn_tracks(&input.name, tracks, found, options);
        let overlay = Overlay {
            output: &self.output.folder,
            ffmpeg: &self.ffmpeg,
            fonts: self.fonts,
            tracks: &drawn,
            stop: self.stop,
            shown,
            contact_sheet: options.contact_sheet,
        };
        overlay.draw(&input.source, &input.stem, found).map(Some)
    }
}
