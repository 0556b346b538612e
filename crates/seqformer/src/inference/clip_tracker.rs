//! Links the instances of overlapping clips to tracks by the soft IoU of their masks.
//!
//! Near-online tracking of IFC (arXiv:2106.03299), as adopted by SeqFormer. Reference: VNext
//! `seqformer/models/clip_output.py`, `Videos.update`, `Videos.get_result`.
//!
//! Memory is bounded by the frames that later clips may still contain, plus one sum of class
//! probabilities per track.
// Differs: the reference keeps every clip's maps of every frame, and at most 120 tracks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use tch::{Device, Kind, Tensor};

use super::clip_predictor::ClipPrediction;
use crate::assignment::{CostMatrix, Pair, linear_sum_assignment};

/// Pairs of a track and an instance are linked above this soft IoU.
const MATCH_THRESHOLD: f32 = 0.01;
/// Avoids division by zero.
const EPS: f32 = 1e-6;

/// The result of linking a clip's instances.
#[derive(Debug, Clone, PartialEq)]
pub struct Association {
    /// Tracks that share frames with the clip, ascending.
    pub candidates: Vec<usize>,
    /// Soft IoU of each candidate with each instance, `[candidates, I]`, row-major.
    pub similarity: Vec<f32>,
    /// The track of each instance.
    pub track_of: Vec<usize>,
    /// Number of tracks afterwards.
    pub num_tracks: usize,
}

/// The masks of a frame that no later clip can change.
#[derive(Debug)]
pub struct FinishedFrame {
    /// Index of the frame in the video.
    pub frame: usize,
    /// The tracks that clips have found in it, ascending; the masks of all others are empty.
    pub tracks: Vec<usize>,
    /// Mean logits of these tracks, `[I, h, w]`; `[0, 0, 0]` if there is none.
    pub mask_logits: Tensor,
}

/// Tracks of a video whose clips arrive one after the other.
#[derive(Debug, Default)]
pub struct ClipTracker {
    tracks: Vec<ClassSum>,
    recent: VecDeque<LinkedClip>,
    frames: BTreeMap<usize, BTreeMap<usize, LogitSum>>,
    first_open: usize,
}

/// Class probabilities of one track, summed over clips.
#[derive(Debug)]
struct ClassSum {
    probs: Vec<f32>,
    clips: u32,
}

/// Mask logits of one track in one frame, `[h, w]`, summed over clips.
#[derive(Debug)]
struct LogitSum {
    logits: Tensor,
    clips: u32,
}

/// A clip that later ones may overlap.
#[derive(Debug)]
struct LinkedClip {
    frames: Range<usize>,
    track_of: Vec<usize>,
    masks: SoftMasks,
}

/// Mask probabilities of a clip.
#[derive(Debug)]
struct SoftMasks {
    /// `[T, I, h * w]`
    probs: Tensor,
    /// Their sums, `[T, I]`.
    areas: Tensor,
}

impl ClipTracker {
    /// Links the instances of the next clip to tracks, or starts new ones.
    ///
    /// The clip must not contain finished frames.
    pub fn update(&mut self, clip: &ClipPrediction) -> Association {
        tch::no_grad(|| {
            let masks = SoftMasks::new(&clip.mask_logits);
            let (candidates, similarity) = self.similarity(&clip.frames, &masks);
            let num_instances = clip.class_probs.size()[0] as usize;
            let mut linked = vec![None; num_instances];
            for pair in best_pairs(&similarity, candidates.len(), num_instances) {
                linked[pair.column] = Some(candidates[pair.row]);
            }
            let mut num_tracks = self.tracks.len();
            let mut begin = || {
                num_tracks += 1;
                num_tracks - 1
            };
            let track_of: Vec<usize> =
                linked.into_iter().map(|track| track.unwrap_or_else(&mut begin)).collect();
            self.add_classes(&clip.class_probs, &track_of);
            self.add_logits(clip, &track_of);
            let (frames, linked) = (clip.frames.clone(), track_of.clone());
            self.recent.push_back(LinkedClip { frames, track_of: linked, masks });
            Association { candidates, similarity, track_of, num_tracks }
        })
    }

    /// Returns the frames before `end`, which no later clip contains.
    pub fn finish_frames(&mut self, end: usize) -> Vec<FinishedFrame> {
        self.recent.retain(|clip| clip.frames.end > end);
        let frames = self.first_open..end.max(self.first_open);
        self.first_open = frames.end;
        tch::no_grad(|| {
            frames
                .map(|frame| finished(frame, self.frames.remove(&frame).unwrap_or_default()))
                .collect()
        })
    }

    /// Class probabilities of each track, averaged over the clips that contain it.
    pub fn class_probs(&self) -> Vec<Vec<f32>> {
        self.tracks.iter().map(ClassSum::mean).collect()
    }

    /// Class probabilities of one track so far; later clips may change them.
    pub fn class_probs_of(&self, track: usize) -> Option<Vec<f32>> {
        self.tracks.get(track).map(ClassSum::mean)
    }

    /// Tracks that share frames with a clip, and the soft IoU of each with each instance of the clip.
    fn similarity(&self, frames: &Range<usize>, masks: &SoftMasks) -> (Vec<usize>, Vec<f32>) {
        // The reference looks at as many past clips as the clip has frames.
        let past = self.recent.iter().rev().take(frames.len()).rev();
        let overlapping: Vec<_> = past
            .filter(|past| past.frames.start < frames.end && frames.start < past.frames.end)
            .collect();
        let candidates: BTreeSet<usize> =
            overlapping.iter().flat_map(|past| &past.track_of).copied().collect();
        let candidates: Vec<usize> = candidates.into_iter().collect();
        let num_instances = masks.areas.size()[1] as usize;
        let mut sums = vec![0.0; candidates.len() * num_instances];
        let mut clips = vec![0.0_f32; candidates.len()];
        let ious = overlapping.iter().map(|past| {
            let shared = past.frames.start.max(frames.start)..past.frames.end.min(frames.end);
            let within = |clip: &Range<usize>| shared.start - clip.start..shared.end - clip.start;
            past.masks.on(within(&past.frames)).iou(&masks.on(within(frames)))
        });
        let ious: Vec<Tensor> = ious.collect();
        if ious.is_empty() {
            return (candidates, sums);
        }
        let ious = to_host(&Tensor::cat(&ious, 0));
        let rows = overlapping.iter().flat_map(|past| &past.track_of);
        for (track, ious) in rows.zip(ious.chunks(num_instances.max(1))) {
            let row =
                candidates.binary_search(track).expect("every track of these clips is a candidate");
            clips[row] += 1.0;
            let sums = &mut sums[row * num_instances..][..num_instances];
            for (sum, iou) in sums.iter_mut().zip(ious) {
                *sum += iou;
            }
        }
        for (sums, clips) in sums.chunks_mut(num_instances.max(1)).zip(clips) {
            for sum in sums {
                *sum /= clips + EPS;
            }
        }
        (candidates, sums)
    }

    fn add_classes(&mut self, class_probs: &Tensor, track_of: &[usize]) {
        let num_classes = class_probs.size()[1] as usize;
        let probs = to_host(class_probs);
        for (&track, probs) in track_of.iter().zip(probs.chunks(num_classes.max(1))) {
            if track >= self.tracks.len() {
                self.tracks.resize_with(track + 1, || ClassSum {
                    probs: vec![0.0; num_classes],
                    clips: 0,
                });
            }
            let sum = &mut self.tracks[track];
            sum.clips += 1;
            for (sum, prob) in sum.probs.iter_mut().zip(probs) {
                *sum += prob;
            }
        }
    }

    fn add_logits(&mut self, clip: &ClipPrediction, track_of: &[usize]) {
        debug_assert!(clip.frames.start >= self.first_open, "a finished frame cannot change");
        for (index, frame) in clip.frames.clone().enumerate() {
            let sums = self.frames.entry(frame).or_default();
            let logits = clip.mask_logits.select(1, index as i64); // [I, h, w]
            for (instance, &track) in track_of.iter().enumerate() {
                let logits = logits.get(instance as i64);
                match sums.get_mut(&track) {
                    Some(sum) => {
                        sum.logits += &logits;
                        sum.clips += 1;
                    }
                    None => {
                        sums.insert(track, LogitSum { logits: logits.copy(), clips: 1 });
                    }
                }
            }
        }
    }
}

/// The linked pairs: the assignment of maximum weight, without pairs below the threshold.
fn best_pairs(similarity: &[f32], num_rows: usize, num_columns: usize) -> Vec<Pair> {
    let weight = |value: f32| if value > MATCH_THRESHOLD { f64::from(value) } else { 0.0 };
    let values: Vec<f64> = similarity.iter().map(|&value| -weight(value)).collect();
    let costs = CostMatrix { values: &values, num_rows, num_columns };
    let mut pairs = linear_sum_assignment(costs).expect("every weight is a finite number");
    pairs.retain(|pair| similarity[pair.row * num_columns + pair.column] > MATCH_THRESHOLD);
    pairs
}

fn finished(frame: usize, sums: BTreeMap<usize, LogitSum>) -> FinishedFrame {
    let means: Vec<Tensor> = sums.values().map(|sum| &sum.logits / f64::from(sum.clips)).collect();
    let mask_logits = if means.is_empty() {
        Tensor::zeros([0, 0, 0], (Kind::Float, Device::Cpu))
    } else {
        Tensor::stack(&means, 0)
    };
    FinishedFrame { frame, tracks: sums.into_keys().collect(), mask_logits }
}

impl ClassSum {
    fn mean(&self) -> Vec<f32> {
        self.probs.iter().map(|prob| prob / self.clips as f32).collect()
    }
}

impl SoftMasks {
    /// From logits `[I, T, h, w]`.
    fn new(mask_logits: &Tensor) -> Self {
        let probs = mask_logits.sigmoid().flatten(2, 3).transpose(0, 1).contiguous(); // [T, I, h * w]
        Self { areas: probs.sum_dim_intlist(2, false, Kind::Float), probs }
    }

    /// Some frames of the clip.
    fn on(&self, frames: Range<usize>) -> Self {
        let part = |tensor: &Tensor| tensor.narrow(0, frames.start as i64, frames.len() as i64);
        Self { probs: part(&self.probs), areas: part(&self.areas) }
    }

    /// `Σ p q / Σ (p + q - p q)` over frames and pixels, for every pair of instances: `[I, I']`.
    fn iou(&self, other: &Self) -> Tensor {
        let sum = |tensor: &Tensor| tensor.sum_dim_intlist(0, false, Kind::Float);
        let intersection = sum(&self.probs.bmm(&other.probs.transpose(1, 2)));
        let areas = sum(&self.areas).unsqueeze(1) + sum(&other.areas).unsqueeze(0);
        &intersection / (areas - &intersection + f64::from(EPS))
    }
}

/// The elements of a tensor, row-major.
fn to_host(tensor: &Tensor) -> Vec<f32> {
    let tensor = tensor.to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
    let mut values = vec![0.0; tensor.numel()];
    tensor.copy_data(&mut values, tensor.numel());
    values
}

#[cfg(test)]
mod tests;
