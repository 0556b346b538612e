//! Tracks: one object each, with its best class.

use std::io::{self, Write};
use std::sync::Arc;

use seqformer::inference::Detection;
use seqformer_engine::VideoPrediction;
use serde::Serialize;

use crate::class_names::Class;

/// One object of a video.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_field_names, reason = "`track_id` is the name in files")]
pub(crate) struct Track {
    /// Counted from 1, best score first; with clips, in order of appearance.
    pub(crate) track_id: u64,
    /// Name of its best class.
    pub(crate) class: String,
    /// Id of that class in results files.
    pub(crate) category_id: u64,
    /// Probability of that class.
    pub(crate) score: f32,
    /// Frames of the video.
    pub(crate) num_frames: usize,
    /// When each frame is shown, in seconds; `None` for images.
    pub(crate) times: Option<Arc<[f64]>>,
    /// The frames in which it has pixels, ascending.
    pub(crate) seen: Vec<Seen>,
    /// Index of its masks.
    pub(crate) rank: usize,
}

/// A track in a frame in which it has pixels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    frame: usize,
    /// [x, y, width, height] of the mask, in pixels.
    bounds: [f64; 4],
    /// Pixels of the mask.
    area: u64,
}

/// The entries of a track in files and summaries.
#[derive(Debug, Serialize)]
struct Fields<'a> {
    track_id: u64,
    class: &'a str,
    category_id: u64,
    score: f32,
    first_frame: Option<usize>,
    last_frame: Option<usize>,
    /// Seconds from the start of the video, one per frame; `None` for images.
    time: Option<Vec<f64>>,
    /// One per frame of the video.
    boxes: Vec<Option<[f64; 4]>>,
    areas: Vec<u64>,
}

impl Serialize for Track {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (mut boxes, mut areas) = (vec![None; self.num_frames], vec![0; self.num_frames]);
        for seen in &self.seen {
            boxes[seen.frame] = Some(seen.bounds);
            areas[seen.frame] = seen.area;
        }
        let fields = Fields {
            track_id: self.track_id,
            class: &self.class,
            category_id: self.category_id,
            score: self.score,
            first_frame: self.first_frame(),
            last_frame: self.last_frame(),
            time: self.times.as_ref().map(|times| times.iter().copied().map(rounded).collect()),
            boxes,
            areas,
        };
        fields.serialize(serializer)
    }
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
    /// Writes the track as a line of JSON.
    pub(crate) fn write_line(
        &self,
        to: &mut dyn Write,
        video: &str,
        video_id: u64,
    ) -> io::Result<()> {
        serde_json::to_writer(&mut *to, &Line { video, video_id, track: self })?;
        writeln!(to)
    }

    /// First frame with a pixel of the track, counted from 0.
    pub(crate) fn first_frame(&self) -> Option<usize> {
        self.seen.first().map(|seen| seen.frame)
    }

    /// Last frame with a pixel of the track.
    pub(crate) fn last_frame(&self) -> Option<usize> {
        self.seen.last().map(|seen| seen.frame)
    }

    /// Mean number of pixels over the frames in which it is visible.
    pub(crate) fn mean_area(&self) -> f64 {
        self.seen.iter().map(|seen| seen.area as f64).sum::<f64>() / self.seen.len().max(1) as f64
    }
}

/// Rounds seconds to microseconds, which is finer than any time stamp.
pub(super) fn rounded(time: f64) -> f64 {
    (time * 1e6).round() / 1e6
}

/// The objects of a video: every query with a result, with its best class.
pub(super) fn from_prediction(
    video: &VideoPrediction,
    classes: &[Class],
    threshold: Option<f64>,
    times: Option<&[f64]>,
) -> Vec<Track> {
    let times: Option<Arc<[f64]>> = times.map(Into::into);
    let best = |rank: usize| -> Option<&Detection> {
        let own = video.detections.iter().filter(|found| found.rank == rank);
        own.reduce(|best, next| if next.score > best.score { next } else { best })
    };
    let kept =
        |found: &&Detection| threshold.is_none_or(|threshold| found.score > threshold as f32);
    let found = (0..video.masks.num_tracks()).filter_map(best).filter(kept);
    // Not renumbered, so a track has the same number in all files.
    found.map(|found| track(found, video, classes, times.clone())).collect()
}

fn track(
    found: &Detection,
    video: &VideoPrediction,
    classes: &[Class],
    times: Option<Arc<[f64]>>,
) -> Track {
    let seen = video.masks.visible(found.rank).map(|(frame, mask)| {
        let around = mask.bounding_box();
        let bounds = [around.x, around.y, around.width, around.height];
        Seen { frame, bounds, area: mask.area() }
    });
    Track {
        track_id: found.rank as u64 + 1,
        class: classes[found.label].name.clone(),
        category_id: classes[found.label].id,
        score: found.score,
        num_frames: video.num_frames,
        times,
        seen: seen.collect(),
        rank: found.rank,
    }
}
