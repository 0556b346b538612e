//! Tracks: one object each, with its best class.

use anyhow::Result;
use seqformer::inference::Detection;
use seqformer_engine::VideoPrediction;
use serde::Serialize;

use crate::class_names::Class;

/// One object of a video.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Track {
    /// From 1, best score first, or in the order of appearance where videos are cut into clips.
    pub(crate) track_id: u64,
    /// Name of its best class.
    pub(crate) class: String,
    /// Id of that class in results files.
    pub(crate) category_id: u64,
    /// Probability of that class.
    pub(crate) score: f32,
    /// First frame with a pixel of it, from 0.
    pub(crate) first_frame: Option<usize>,
    /// Last frame with a pixel of it.
    pub(crate) last_frame: Option<usize>,
    /// [x, y, width, height] of the mask on every frame, in pixels.
    pub(crate) boxes: Vec<Option<[f64; 4]>>,
    /// Pixels of the mask on every frame.
    pub(crate) areas: Vec<u64>,
    /// Index of its masks.
    #[serde(skip)]
    pub(crate) rank: usize,
}

/// A line of `tracks.jsonl`.
#[derive(Debug, Serialize)]
struct Line<'a> {
    video: &'a str,
    video_id: u64,
    #[serde(flatten)]
    track: &'a Track,
}

impl Track {
    /// The track as a line of JSON.
    pub(crate) fn to_line(&self, video: &str, video_id: u64) -> Result<String> {
        Ok(serde_json::to_string(&Line { video, video_id, track: self })? + "\n")
    }

    /// Frames with a pixel of it.
    pub(crate) fn num_visible(&self) -> usize {
        self.areas.iter().filter(|area| **area > 0).count()
    }
}

/// The objects of a video: every query with a result, by its best class.
pub(super) fn from_prediction(
    video: &VideoPrediction,
    classes: &[Class],
    threshold: Option<f64>,
) -> Vec<Track> {
    let best = |rank: usize| -> Option<&Detection> {
        let own = video.detections.iter().filter(|found| found.rank == rank);
        own.reduce(|best, next| if next.score > best.score { next } else { best })
    };
    let kept =
        |found: &&Detection| threshold.is_none_or(|threshold| found.score > threshold as f32);
    let found = (0..video.masks.len()).filter_map(best).filter(kept);
    // Not counted anew, so that a track has one number in all files.
    found.map(|found| track(found.rank as u64 + 1, found, video, classes)).collect()
}

fn track(track_id: u64, found: &Detection, video: &VideoPrediction, classes: &[Class]) -> Track {
    let masks = &video.masks[found.rank];
    let areas: Vec<u64> = masks.iter().map(seqformer_masks::Rle::area).collect();
    let boxes = masks.iter().zip(&areas).map(|(mask, area)| {
        let around = mask.bounding_box();
        (*area > 0).then_some([around.x, around.y, around.width, around.height])
    });
    Track {
        track_id,
        class: classes[found.label].name.clone(),
        category_id: classes[found.label].id,
        score: found.score,
        first_frame: areas.iter().position(|area| *area > 0),
        last_frame: areas.iter().rposition(|area| *area > 0),
        boxes: boxes.collect(),
        areas,
        rank: found.rank,
    }
}
