//! The tracks of one video as the player reads them.

use std::collections::BTreeMap;

use seqformer_annotations::Video;
use seqformer_evaluation::{EvaluationError, PairedVideo, TruthTrack};
use seqformer_masks::{ImageSize, Rle};
use serde::Serialize;

use crate::outcomes::Outcomes;

/// Least IoU of a result with the object that it follows in a frame.
const FOLLOWED_IOU: f64 = 0.5;

/// A video with all that is annotated and found in it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VideoTracks<'a> {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) length: usize,
    /// One for each frame, nothing for those that are missing; empty without frames.
    pub(crate) frames: Vec<Option<&'a str>>,
    pub(crate) tracks: Vec<TrackData>,
    /// How many masks are left out because they have another size than the video.
    pub(crate) num_other_size: usize,
}

/// One annotated or found object.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrackData {
    /// 0 of annotations, 1 and 2 of results.
    pub(crate) source: usize,
    /// How people call it: the id of an annotation, the place of a result in its file.
    pub(crate) label: String,
    /// The place of its class.
    pub(crate) class: usize,
    pub(crate) score: Option<f64>,
    pub(crate) is_crowd: bool,
    /// COCO's text form, nothing where the object is absent or has no pixels.
    pub(crate) masks: Vec<Option<String>>,
    /// Of a result, what became of it; of an annotation, one for each file of results.
    pub(crate) outcomes: Vec<&'static str>,
    /// Places of the annotations that a result matches, or that its error is about.
    pub(crate) objects: Vec<usize>,
    /// Place of the annotation that a result lies on in each frame, −1 for none.
    pub(crate) follows: Vec<i64>,
    /// The IoU with it in per cent.
    pub(crate) iou: Vec<u8>,
}

/// A decoded track.
struct Decoded {
    masks: Vec<Option<Rle>>,
    areas: Vec<u64>,
}

/// Reads the masks of a video. `results` are the same video in each file of results, with its outcomes.
///
/// # Errors
///
/// A damaged mask of a result.
pub(crate) fn tracks_of_video(
    video: &Video,
    truths: &[(usize, &TruthTrack)],
    results: &[(&PairedVideo<'_>, Outcomes<'_>)],
) -> Result<(Vec<TrackData>, usize), EvaluationError> {
    let mut num_other_size = 0;
    let mut decoded = |masks: Vec<Option<Rle>>| Decoded::new(masks, video, &mut num_other_size);
    let mut tracks = Vec::new();
    let mut objects = Vec::with_capacity(truths.len());
    let places: BTreeMap<i64, usize> =
        truths.iter().enumerate().map(|(place, (_, track))| (track.id, place)).collect();
    for (class, track) in truths {
        let object = decoded(track.masks().masks().collect());
        let outcomes = results.iter().map(|(_, outcomes)| outcomes.of_truth(track)).collect();
        tracks.push(TrackData {
            label: track.id.to_string(),
            class: *class,
            is_crowd: track.is_crowd,
            masks: object.texts(),
            outcomes,
            ..TrackData::default()
        });
        objects.push(object);
    }
    for (file, (paired, outcomes)) in results.iter().enumerate() {
        for result in paired.results() {
            let found = decoded(result.masks()?);
            let (follows, iou) = followed(&found, &objects, truths);
            let outcome = outcomes.of_result(result.index());
            let objects = outcome.truths.iter().filter_map(|id| places.get(id).copied());
            tracks.push(TrackData {
                source: file + 1,
                label: result.index().to_string(),
                class: result.category,
                score: Some(result.score()),
                masks: found.texts(),
                outcomes: vec![outcome.name],
                objects: objects.collect(),
                follows,
                iou,
                ..TrackData::default()
            });
        }
    }
    Ok((tracks, num_other_size))
}

impl Decoded {
    /// Leaves masks of another size out, and frames beyond the end.
    fn new(mut masks: Vec<Option<Rle>>, video: &Video, num_other_size: &mut usize) -> Self {
        let is_of_size = |mask: &Rle, size: ImageSize| mask.size() == size;
        masks.truncate(video.length);
        for mask in &mut masks {
            *num_other_size +=
                usize::from(mask.as_ref().is_some_and(|mask| !is_of_size(mask, video.size)));
            mask.take_if(|mask| !is_of_size(mask, video.size) || mask.area() == 0);
        }
        let areas = masks.iter().map(|mask| mask.as_ref().map_or(0, Rle::area)).collect();
        Self { masks, areas }
    }

    fn texts(&self) -> Vec<Option<String>> {
        self.masks.iter().map(|mask| mask.as_ref().map(Rle::to_compressed)).collect()
    }

    fn iou(&self, other: &Self, frame: usize) -> f64 {
        let (Some(Some(a)), Some(Some(b))) = (self.masks.get(frame), other.masks.get(frame)) else {
            return 0.0;
        };
        let common = a.intersection_area(b).unwrap_or(0);
        common as f64 / (self.areas[frame] + other.areas[frame] - common) as f64
    }
}

/// Says which object a result lies on in each frame, and with which IoU.
fn followed(
    result: &Decoded,
    objects: &[Decoded],
    truths: &[(usize, &TruthTrack)],
) -> (Vec<i64>, Vec<u8>) {
    let in_frame = |frame: usize| {
        let places = (0..objects.len()).filter(|&place| !truths[place].1.is_crowd);
        let best = places
            .map(|place| (place, result.iou(&objects[place], frame)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .filter(|(_, iou)| *iou >= FOLLOWED_IOU);
        best.map_or((-1, 0), |(place, iou)| (place as i64, (100.0 * iou).round() as u8))
    };
    (0..result.masks.len()).map(in_frame).unzip()
}
