//! One result compared with all annotations of its video.

use seqformer_evaluation::{EvaluationError, PairedResult, TruthTrack};
use seqformer_masks::{Overlap, Rle};

use super::FOREGROUND_IOU;

/// A result compared with all annotations, frame by frame.
pub(super) struct Compared {
    /// How many pixels it has in each frame.
    pub(super) areas: Vec<u64>,
    /// For each annotation, one for each frame.
    overlaps: Vec<Vec<Overlap>>,
    /// For each annotation, the IoU over all frames.
    pub(super) ious: Vec<f64>,
}

impl Compared {
    pub(super) fn new(
        result: &PairedResult<'_>,
        truths: &[&TruthTrack],
    ) -> Result<Self, EvaluationError> {
        let masks = result.masks()?;
        let overlaps: Vec<Vec<Overlap>> = truths
            .iter()
            .map(|truth| {
                let frames = masks.iter().enumerate();
                frames.map(|(frame, mask)| truth.masks().overlap(frame, mask.as_ref())).collect()
            })
            .collect();
        let iou = |frames: &Vec<Overlap>| sum(frames.iter().copied()).iou();
        let ious = overlaps.iter().map(iou).collect();
        let areas = masks.iter().map(|mask| mask.as_ref().map_or(0, Rle::area)).collect();
        Ok(Self { areas, overlaps, ious })
    }

    /// Returns the object that it lies on in a frame, if there is one.
    pub(super) fn followed(&self, frame: usize, objects: &[usize]) -> Option<usize> {
        let iou = |object: usize| self.overlaps[object].get(frame).map_or(0.0, |o| o.iou());
        let best = objects.iter().copied().max_by(|&a, &b| iou(a).total_cmp(&iou(b)))?;
        (iou(best) >= FOREGROUND_IOU).then_some(best)
    }

    /// Returns the part of an object that it covers.
    pub(super) fn covered_part(&self, object: usize) -> f64 {
        let all = sum(self.overlaps[object].iter().copied());
        let area = all.union - all.detection + all.intersection;
        if area == 0 { 0.0 } else { all.intersection as f64 / area as f64 }
    }

    /// Returns the IoU with several objects together, which do not overlap much.
    pub(super) fn joint_iou(&self, objects: &[usize]) -> f64 {
        let sums: Vec<Overlap> =
            objects.iter().map(|&object| sum(self.overlaps[object].iter().copied())).collect();
        let common: u64 = sums.iter().map(|all| all.intersection).sum();
        let missed: u64 = sums.iter().map(|all| all.union - all.detection).sum();
        let union = self.areas.iter().sum::<u64>().max(common) + missed;
        if union == 0 { 0.0 } else { common as f64 / union as f64 }
    }

    /// Returns the IoU over the frames in which it has pixels.
    pub(super) fn iou_where_present(&self, object: usize) -> f64 {
        let frames = self.overlaps[object].iter().zip(&self.areas);
        sum(frames.filter(|(_, area)| **area > 0).map(|(overlap, _)| *overlap)).iou()
    }

    /// Returns in how many frames an object has pixels.
    pub(super) fn truth_frames(&self, object: usize) -> f64 {
        let has_pixels = |o: &&Overlap| o.union + o.intersection > o.detection;
        self.overlaps[object].iter().filter(has_pixels).count() as f64
    }

    /// Returns how many frames the longest of the results has.
    pub(super) fn num_frames(&self, all: &[Self]) -> usize {
        all.iter().map(|other| other.areas.len()).max().unwrap_or(self.areas.len())
    }
}

fn sum(frames: impl Iterator<Item = Overlap>) -> Overlap {
    let mut sum = Overlap::default();
    frames.for_each(|overlap| sum.add(overlap));
    sum
}
