//! The summary of a run, as a table or as JSON.

use std::path::{Path, PathBuf};

use anyhow::Result;
use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::Serialize;
use serde_json::value::RawValue;

use super::overlay::OverlayFiles;
use super::record::VideoFacts;
use super::store::Store;
use super::tracks::Track;
use crate::{output, process_memory};

/// Width of the column of paths.
const WIDTH: usize = 40;

/// The whole run.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    weights: PathBuf,
    device: String,
    pub(super) results: Option<PathBuf>,
    /// Whether the summary is printed as JSON at the end; otherwise each video is printed when it
    /// is finished.
    #[serde(skip)]
    as_json: bool,
    pub(super) tracks: Option<PathBuf>,
    pub(super) videos: Vec<FinishedVideo>,
    pub(super) failed: Vec<FailedInput>,
    #[serde(rename = "peak_rss_mib")]
    peak_memory_mib: Option<f64>,
}

/// A finished video.
#[derive(Debug, Serialize)]
pub(crate) struct FinishedVideo {
    pub(super) name: String,
    pub(super) video_id: u64,
    pub(super) frames: usize,
    pub(super) height: u32,
    pub(super) width: u32,
    pub(super) results: usize,
    /// Whether an earlier run finished it.
    pub(super) kept: bool,
    /// From the first frame to the last overlay image.
    #[serde(rename = "seconds")]
    pub(crate) secs: f64,
    /// Reading, network and masks.
    #[serde(rename = "network_seconds")]
    pub(crate) network_secs: f64,
    /// Reading again, drawing and writing overlays.
    #[serde(rename = "overlay_seconds")]
    pub(crate) overlay_secs: f64,
    pub(super) overlay: Option<OverlayFiles>,
    /// Files and folders of other tools.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) saved: Vec<PathBuf>,
    pub(super) tracks: Tracks,
}

/// Tracks as they were found, or as an earlier run wrote them.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Tracks {
    New(Vec<Track>),
    Kept(Vec<Box<RawValue>>),
}

impl FinishedVideo {
    /// A video that an earlier run finished.
    pub(super) fn kept(
        name: &str,
        video_id: u64,
        facts: VideoFacts,
        tracks: Vec<Box<RawValue>>,
    ) -> Self {
        let VideoFacts { frames, height, width, results, overlay, saved, .. } = facts;
        Self {
            name: name.to_owned(),
            video_id,
            frames,
            height,
            width,
            results,
            kept: true,
            secs: 0.0,
            network_secs: 0.0,
            overlay_secs: 0.0,
            overlay,
            saved,
            tracks: Tracks::Kept(tracks),
        }
    }
}

/// An input that failed.
#[derive(Debug, Serialize)]
pub(super) struct FailedInput {
    pub(super) input: PathBuf,
    pub(super) error: String,
}

impl Summary {
    pub(crate) fn new(weights: &Path, device: impl std::fmt::Debug, as_json: bool) -> Self {
        Self {
            weights: weights.to_path_buf(),
            device: format!("{device:?}").to_lowercase(),
            results: None,
            as_json,
            tracks: None,
            videos: Vec::new(),
            failed: Vec::new(),
            peak_memory_mib: None,
        }
    }

    /// Adds a video and prints it at once, so that a log shows the progress even if the run is
    /// killed.
    pub(super) fn add(&mut self, video: FinishedVideo) {
        if !self.as_json {
            print_video(&video);
        }
        self.videos.push(video);
    }

    /// Names the files that all videos share.
    pub(super) fn has_files(&mut self, store: &Store) {
        self.results = Some(store.results_path().to_path_buf());
        self.tracks = Some(store.tracks_path().to_path_buf());
    }

    /// Prints the end of the summary.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.peak_memory_mib = process_memory::peak_mib();
        if self.as_json {
            output::print_line(&serde_json::to_string_pretty(self)?);
            return Ok(());
        }
        for (what, path) in self.files() {
            output::print_line(&format!("{:<WIDTH$}  {what}", path.display().to_string()));
        }
        if let Some(speed) = self.speed() {
            output::print_line(&speed);
        }
        if let Some(hint) = self.what_next() {
            output::print_line(&hint);
        }
        for path in self.videos.iter().flat_map(|video| &video.saved) {
            output::print_line(&path.display().to_string());
        }
        Ok(())
    }

    /// All files, and what each is.
    fn files(&self) -> Vec<(&'static str, &Path)> {
        let mut files = Vec::new();
        files.extend(
            self.results.as_deref().map(|path| ("all results, as YouTube-VIS has them", path)),
        );
        files.extend(self.tracks.as_deref().map(|path| ("one line for each object", path)));
        for overlay in self.videos.iter().filter_map(|video| video.overlay.as_ref()) {
            files.push(("the objects drawn over the video", &overlay.video));
            files.extend(
                overlay.sheet.as_deref().map(|sheet| ("some of its frames in one picture", sheet)),
            );
            files.push(("the same, frame by frame", &overlay.frames));
        }
        files
    }

    /// Frames per second, over the videos of this run.
    fn speed(&self) -> Option<String> {
        let new = || self.videos.iter().filter(|video| !video.kept);
        let (frames, secs): (usize, f64) = new()
            .fold((0, 0.0), |(frames, secs), video| (frames + video.frames, secs + video.secs));
        let network: f64 = new().map(|video| video.network_secs).sum();
        (secs > 0.0 && network > 0.0).then(|| {
            format!(
                "{frames} {} in {secs:.1} s: {:.1} frames a second, {:.1} without drawing",
                if frames == 1 { "frame" } else { "frames" },
                frames as f64 / secs,
                frames as f64 / network
            )
        })
    }

    /// What to do next.
    fn what_next(&self) -> Option<String> {
        let new = || self.videos.iter().filter(|video| !video.kept);
        new().next()?;
        let num_tracks = |video: &FinishedVideo| match &video.tracks {
            Tracks::New(tracks) => tracks.len(),
            Tracks::Kept(tracks) => tracks.len(),
        };
        if new().all(|video| num_tracks(video) == 0) {
            return Some(
                "Next: nothing was found. A model finds only the classes that it was trained on: docs/weights.md has others, \
                 docs/own-data.md trains one."
                    .to_owned(),
            );
        }
        Some(
            "Next: --overlay-threshold 0.5 draws fewer objects and 0.1 more; --clip-length 5 is for long videos; \
             `seqformer score` compares results with annotations (docs/predict.md)."
                .to_owned(),
        )
    }
}

fn print_video(video: &FinishedVideo) {
    let FinishedVideo { name, frames, width, height, secs, .. } = video;
    let tracks = match &video.tracks {
        Tracks::New(tracks) => tracks,
        Tracks::Kept(tracks) => {
            let count = tracks.len();
            output::print_line(&format!(
                "{name}: {frames} frames of {width}x{height}, finished by an earlier run, {count} tracks"
            ));
            return;
        }
    };
    let per_frame = secs / (*frames).max(1) as f64;
    let overlay = match &video.overlay {
        Some(_) => format!(", {:.1} s of it for the overlay", video.overlay_secs),
        None => String::new(),
    };
    output::print_line(&format!(
        "{name}: {frames} frames of {width}x{height}, {secs:.1} s ({per_frame:.2} s per frame{overlay}), {} tracks",
        tracks.len()
    ));
    if tracks.is_empty() {
        return;
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["track", "class", "score", "frames", "first", "last", "mean area"]);
    for track in tracks {
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
