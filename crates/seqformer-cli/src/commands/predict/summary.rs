//! What a run has done, as a table or as JSON.

use std::path::{Path, PathBuf};

use anyhow::Result;
use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::Serialize;

use super::overlay::OverlayFiles;
use super::tracks::Track;
use crate::{memory, output};

/// The whole run.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    weights: PathBuf,
    device: String,
    pub(super) results: Option<PathBuf>,
    /// Rows of that file.
    #[serde(skip)]
    pub(super) rows: usize,
    pub(super) tracks: Option<PathBuf>,
    pub(super) videos: Vec<FinishedVideo>,
    pub(super) failed: Vec<FailedInput>,
    #[serde(rename = "peak_rss_mib")]
    peak_memory_mib: Option<f64>,
}

/// A video that is done.
#[derive(Debug, Serialize)]
pub(crate) struct FinishedVideo {
    pub(super) name: String,
    pub(super) video_id: u64,
    pub(super) frames: usize,
    pub(super) height: u32,
    pub(super) width: u32,
    pub(super) results: usize,
    /// Reading, network and masks, without the overlay.
    #[serde(rename = "seconds")]
    pub(crate) secs: f64,
    /// Reading again, drawing and writing pictures.
    #[serde(rename = "overlay_seconds")]
    pub(crate) overlay_secs: f64,
    pub(super) overlay: Option<OverlayFiles>,
    pub(super) tracks: Vec<Track>,
}

/// An input that gave nothing.
#[derive(Debug, Serialize)]
pub(super) struct FailedInput {
    pub(super) input: PathBuf,
    pub(super) error: String,
}

impl Summary {
    pub(crate) fn new(weights: &Path, device: impl std::fmt::Debug) -> Self {
        Self {
            weights: weights.to_path_buf(),
            device: format!("{device:?}").to_lowercase(),
            results: None,
            rows: 0,
            tracks: None,
            videos: Vec::new(),
            failed: Vec::new(),
            peak_memory_mib: None,
        }
    }

    pub(super) fn print(&mut self, as_json: bool) -> Result<()> {
        self.peak_memory_mib = memory::peak_mib();
        if as_json {
            output::print_line(&serde_json::to_string_pretty(self)?);
            return Ok(());
        }
        for video in &self.videos {
            print_video(video);
        }
        for path in [&self.results, &self.tracks].into_iter().flatten() {
            output::print_line(&path.display().to_string());
        }
        let overlays = self.videos.iter().filter_map(|video| video.overlay.as_ref());
        for overlay in overlays {
            output::print_line(&overlay.video.display().to_string());
        }
        Ok(())
    }
}

fn print_video(video: &FinishedVideo) {
    let per_frame = video.secs / video.frames.max(1) as f64;
    let overlay = match &video.overlay {
        Some(_) => format!(" and {:.1} s for the overlay", video.overlay_secs),
        None => String::new(),
    };
    output::print_line(&format!(
        "{}: {} frames of {}x{}, {:.1} s ({per_frame:.2} s a frame){overlay}, {} tracks",
        video.name,
        video.frames,
        video.width,
        video.height,
        video.secs,
        video.tracks.len()
    ));
    if video.tracks.is_empty() {
        return;
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["track", "class", "score", "frames", "first", "last", "mean area"]);
    for track in &video.tracks {
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        let frame = |frame: Option<usize>| {
            right(frame.map_or_else(|| "-".to_owned(), |frame| frame.to_string()))
        };
        table.add_row([
            right(track.track_id.to_string()),
            Cell::new(&track.class),
            right(format!("{:.3}", track.score)),
            right(track.seen.len().to_string()),
            frame(track.first_frame()),
            frame(track.last_frame()),
            right(format!("{:.0}", track.mean_area())),
        ]);
    }
    output::print_line(&table.to_string());
}
