//! `NAME.frames.jsonl`: one line per frame of a video, written as soon as its masks are final.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use seqformer_engine::{TrackOnFrame, TrackedFrame};
use serde::Serialize;

use super::tracks;
use crate::class_names::Class;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// The lines of one video.
pub(super) struct FrameLines<'a> {
    path: PathBuf,
    /// Opened with the first frame, so an unusable input leaves no file.
    file: Option<File>,
    video: &'a str,
    video_id: u64,
    classes: &'a [Class],
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    video: &'a str,
    video_id: u64,
    frame: usize,
    /// When the frame is shown, in seconds; `None` for images.
    time: Option<f64>,
    tracks: Vec<Object<'a>>,
}

/// One track in the frame.
#[derive(Debug, Serialize)]
struct Object<'a> {
    /// As in `tracks.jsonl`, which omits tracks without a result.
    track_id: u64,
    /// The best class so far; more frames may change it.
    class: &'a str,
    category_id: u64,
    score: f32,
    #[serde(rename = "box")]
    around: Option<[f64; 4]>,
    area: u64,
    segmentation: Segmentation,
}

#[derive(Debug, Serialize)]
struct Segmentation {
    size: [u32; 2],
    counts: String,
}

impl<'a> FrameLines<'a> {
    pub(super) fn new(path: &Path, video: &'a str, video_id: u64, classes: &'a [Class]) -> Self {
        Self { path: path.to_path_buf(), file: None, video, video_id, classes }
    }

    /// Writes one frame, shown at `time`, and flushes it, because readers may follow the file.
    pub(super) fn write(
        &mut self,
        frame: &TrackedFrame,
        time: Option<f64>,
    ) -> Result<(), AnyError> {
        let Self { video, video_id, classes, .. } = *self;
        let tracks = frame.tracks.iter().filter_map(|track| object(track, classes)).collect();
        let line =
            Line { video, video_id, frame: frame.frame, time: time.map(tracks::rounded), tracks };
        let text = serde_json::to_string(&line)? + "\n";
        let failed = |error| format!("{}: cannot be written: {error}", self.path.display());
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(File::create(&self.path).map_err(failed)?),
        };
        file.write_all(text.as_bytes()).map_err(failed)?;
        Ok(())
    }
}

fn object<'a>(found: &TrackOnFrame, classes: &'a [Class]) -> Option<Object<'a>> {
    let best = |best: (usize, f32), next: (usize, f32)| if next.1 > best.1 { next } else { best };
    let (label, score) = found.class_probs.iter().copied().enumerate().reduce(best)?;
    let (mask, class) = (&found.mask, classes.get(label)?);
    let (area, around) = (mask.area(), mask.bounding_box());
    Some(Object {
        track_id: found.track as u64 + 1,
        class: &class.name,
        category_id: class.id,
        score,
        around: (area > 0).then_some([around.x, around.y, around.width, around.height]),
        area,
        segmentation: Segmentation {
            size: [mask.size().height, mask.size().width],
            counts: mask.to_compressed(),
        },
    })
}
