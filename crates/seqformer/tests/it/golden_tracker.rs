//! The clip tracker on clips whose masks were made up, against the Python reference.

use std::collections::BTreeMap;

use seqformer::inference::{
    Association, ClipPrediction, ClipSchedule, ClipTracker, FinishedFrame, classify, final_masks,
};
use seqformer_checkpoint::StateDict;
use seqformer_masks::ImageSize;
use seqformer_testing::{assert_close, golden_path, read_json, unit};
use tch::{Device, Kind, Tensor};

/// Rounding of the reference's own sums in f32.
const TOLERANCE: f64 = 2e-5;

/// A golden file of tracker or clip results.
pub(crate) struct Golden {
    pub(crate) state: StateDict,
}

impl Golden {
    pub(crate) fn open(relative: &str) -> Self {
        Self { state: seqformer_checkpoint::read(&golden_path(relative)).unwrap() }
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        self.state.get(name).unwrap_or_else(|| panic!("the golden file has {name}")).to_f32_vec()
    }

    pub(crate) fn integers(&self, name: &str) -> Vec<i64> {
        let array = self.state.get(name).unwrap_or_else(|| panic!("the golden file has {name}"));
        array.to_i64_vec().unwrap_or_else(|| panic!("{name} holds integers"))
    }

    pub(crate) fn indices(&self, name: &str) -> Vec<usize> {
        self.integers(name).into_iter().map(|value| value as usize).collect()
    }

    pub(crate) fn tensor(&self, name: &str) -> Tensor {
        let shape: Vec<i64> =
            self.state.get(name).unwrap().shape().iter().map(|&side| side as i64).collect();
        Tensor::from_slice(&self.floats(name)).view(shape.as_slice())
    }

    /// Compares how a clip was linked with what `prefix` says of it.
    pub(crate) fn check_association(&self, prefix: &str, found: &Association, known: usize) {
        let num_instances = found.track_of.len();
        // The reference compares with all tracks, also with those that share no frame with the clip.
        let mut similarity = vec![0.0; known * num_instances];
        for (row, &track) in found.candidates.iter().enumerate() {
            let from = &found.similarity[row * num_instances..][..num_instances];
            similarity[track * num_instances..][..num_instances].copy_from_slice(from);
        }
        let expected = self.floats(&format!("{prefix}.siou"));
        assert_close(&format!("{prefix}.siou"), &similarity, &expected, TOLERANCE);
        let mut linked = BTreeMap::new();
        let (tracks, instances) = (
            self.indices(&format!("{prefix}.match_saved")),
            self.indices(&format!("{prefix}.match_input")),
        );
        for (track, instance) in tracks.into_iter().zip(instances) {
            if expected[track * num_instances + instance] > 0.01 {
                linked.insert(instance, track);
            }
        }
        let mut new = known..;
        let track_of: Vec<usize> = (0..num_instances)
            .map(|i| linked.get(&i).copied().unwrap_or_else(|| new.next().unwrap()))
            .collect();
        assert_eq!(found.track_of, track_of, "{prefix}");
        let counts = self.indices(&format!("{prefix}.num_inst_before_after"));
        assert_eq!(counts, [known, found.num_tracks], "{prefix}");
    }
}

/// The masks of all tracks and frames, NaN where a track was never seen: `[tracks, T, h, w]`.
pub(crate) fn dense_logits(frames: &[FinishedFrame], num_tracks: usize, size: [i64; 2]) -> Tensor {
    let on = (Kind::Float, Device::Cpu);
    let shape = [num_tracks as i64, frames.len() as i64, size[0], size[1]];
    let dense = Tensor::full(shape, f64::NAN, on);
    for (index, frame) in frames.iter().enumerate() {
        assert_eq!(frame.frame, index, "every frame finishes once, in order");
        for (row, &track) in frame.tracks.iter().enumerate() {
            dense.get(track as i64).get(index as i64).copy_(&frame.mask_logits.get(row as i64));
        }
    }
    dense
}

pub(crate) fn host(tensor: &Tensor) -> Vec<f32> {
    let mut values = vec![0.0; tensor.numel()];
    tensor.to_kind(Kind::Float).contiguous().copy_data(&mut values, tensor.numel());
    values
}

/// Pixels of each track on each frame, and the masks: `[tracks][T]` and `[tracks, T, H, W]`.
pub(crate) fn final_areas(
    frames: &[FinishedFrame],
    num_tracks: usize,
    frame_size: ImageSize,
    output_size: ImageSize,
) -> (Vec<Vec<i64>>, Tensor) {
    let mut areas = vec![vec![0; frames.len()]; num_tracks];
    let [height, width] = output_size.sides();
    let size = [num_tracks as i64, frames.len() as i64, height, width];
    let all = Tensor::zeros(size, (Kind::Bool, Device::Cpu));
    for (index, frame) in frames.iter().enumerate() {
        let masks = final_masks(&frame.mask_logits, frame_size, output_size);
        assert_eq!(masks.size()[0] as usize, frame.tracks.len());
        for (row, &track) in frame.tracks.iter().enumerate() {
            let mask = masks.get(row as i64);
            areas[track][index] = mask.sum(Kind::Int64).int64_value(&[]);
            all.get(track as i64).get(index as i64).copy_(&mask);
        }
    }
    (areas, all)
}

fn check_file(num_frames: usize, length: usize, stride: usize) {
    let name = format!("public/tracker_T{num_frames}L{length}S{stride}.safetensors");
    let golden = Golden::open(&name);
    let mut schedule = ClipSchedule::new(length, stride).unwrap();
    schedule.push(num_frames);
    schedule.end();
    let mut tracker = ClipTracker::default();
    let (mut known, mut finished) = (0, Vec::new());
    for clip in 0..golden.integers("num_clips")[0] {
        let prefix = format!("clip{clip}");
        let frames = schedule.next_clip().unwrap_or_else(|| panic!("{name} has clip {clip}"));
        assert_eq!(
            frames.clone().collect::<Vec<_>>(),
            golden.indices(&format!("{prefix}.frame_idx")),
            "{name}"
        );
        let prediction = ClipPrediction {
            frames,
            class_probs: golden.tensor(&format!("{prefix}.cls_probs")),
            mask_logits: golden.tensor(&format!("{prefix}.mask_logits")),
        };
        let association = tracker.update(&prediction);
        golden.check_association(&prefix, &association, known);
        known = association.num_tracks;
        finished.extend(tracker.finish_frames(schedule.first_needed()));
    }
    assert_eq!(schedule.next_clip(), None, "{name}");
    assert_eq!(finished.len(), num_frames, "{name}");
    let class_probs = tracker.class_probs();
    assert_close("result_cls", &class_probs.concat(), &golden.floats("result_cls"), TOLERANCE);
    let logits = dense_logits(&finished, known, [8, 11]);
    assert_close(
        "result_mask_logits",
        &host(&logits),
        &golden.floats("result_mask_logits"),
        TOLERANCE,
    );
    check_valid(&golden, &finished);
    let detections = classify(class_probs.iter().map(Vec::as_slice), Some(0.05));
    let labels: Vec<usize> = detections.iter().map(|detection| detection.label).collect();
    assert_eq!(labels, golden.indices("post.labels"), "{name}");
    let scores: Vec<f32> = detections.iter().map(|detection| detection.score).collect();
    assert_close("post.scores", &scores, &golden.floats("post.scores"), TOLERANCE);
    let (frame_size, output_size) =
        (ImageSize { height: 30, width: 42 }, ImageSize { height: 45, width: 65 });
    let (areas, masks) = final_areas(&finished, known, frame_size, output_size);
    let areas: Vec<i64> =
        detections.iter().flat_map(|detection| areas[detection.rank].clone()).collect();
    assert_eq!(areas, golden.integers("post.mask_area"), "{name}");
    let first = masks.get(detections[0].rank as i64).unsqueeze(0);
    assert_eq!(host(&first), golden.floats("post.masks_first1_u8"), "{name}");
}

/// A track is on exactly the frames of the clips in which the reference has it.
fn check_valid(golden: &Golden, finished: &[FinishedFrame]) {
    let valid = golden.tensor("saved_valid_u8").amax(0, false); // [tracks, T]
    for (index, frame) in finished.iter().enumerate() {
        let column = host(&valid.select(1, index as i64));
        let expected: Vec<usize> = (0..column.len()).filter(|&track| column[track] > 0.0).collect();
        assert_eq!(frame.tracks, expected, "tracks on frame {index}");
    }
}

#[test]
fn tracks_agree_with_the_reference() {
    for (num_frames, length, stride) in [(11, 5, 1), (11, 4, 3), (9, 3, 3), (10, 2, 4), (3, 5, 1)] {
        check_file(num_frames, length, stride);
    }
}

/// The clips of `formula/tracker.json`: every slot holds an object, and one object misleads.
fn formula_clip(clip: usize, frames: std::ops::Range<usize>) -> ClipPrediction {
    let (slots, classes, height, width) = (6, 5, 12, 16);
    let num_frames = frames.len();
    let (mut logits, mut probs) = (Vec::new(), Vec::new());
    for slot in 0..slots {
        let object = (5 * slot + clip) % slots;
        for frame in frames.clone() {
            let (o, f, c) = (object as f64, frame as f64, clip as f64);
            let centre = if object == clip % slots {
                (14.0 - 3.0 * c, 10.0 - 2.0 * c)
            } else {
                (2.0 + 2.4 * o + 0.3 * f, 2.0 + ((5 * object) % 9) as f64 + 0.2 * f)
            };
            for y in 0..height {
                for x in 0..width {
                    let noise = unit(500 + clip as u64, logits.len() as u64);
                    let distance =
                        (f64::from(x) - centre.0).powi(2) + (f64::from(y) - centre.1).powi(2);
                    logits.push((4.0 - distance / 3.0 + 0.5 * (2.0 * noise - 1.0)) as f32);
                }
            }
        }
        probs.extend(
            (0..classes).map(|k| unit(900 + clip as u64, (classes * slot + k) as u64) as f32),
        );
    }
    let shape = [slots as i64, num_frames as i64, i64::from(height), i64::from(width)];
    ClipPrediction {
        frames,
        class_probs: Tensor::from_slice(&probs).view([slots as i64, classes as i64]),
        mask_logits: Tensor::from_slice(&logits).view(shape),
    }
}

#[test]
fn a_decoy_that_moves_between_clips_is_linked_as_by_the_reference() {
    let golden = read_json(&golden_path("formula/tracker.json")).unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap_or(f64::NAN)).collect()
    };
    let rows = |value: &serde_json::Value| {
        value.as_array().unwrap().iter().flat_map(numbers).collect::<Vec<f64>>()
    };
    let mut schedule = ClipSchedule::new(4, 2).unwrap();
    schedule.push(9);
    schedule.end();
    let mut tracker = ClipTracker::default();
    let mut finished = Vec::new();
    for (clip, expected) in golden["clips"].as_array().unwrap().iter().enumerate() {
        let frames = schedule.next_clip().unwrap();
        let found = tracker.update(&formula_clip(clip, frames.clone()));
        assert_eq!(
            frames.map(|frame| frame as f64).collect::<Vec<_>>(),
            numbers(&expected["frames"])
        );
        let similarity: Vec<f64> = found.similarity.iter().copied().map(f64::from).collect();
        seqformer_testing::assert_close_f64("siou", &similarity, &rows(&expected["siou"]), 1e-6);
        let track_of: Vec<f64> = found.track_of.iter().map(|&track| track as f64).collect();
        assert_eq!(track_of, numbers(&expected["track_of_slot"]), "clip {clip}");
        assert_eq!(found.num_tracks as u64, expected["num_tracks_after"].as_u64().unwrap());
        finished.extend(tracker.finish_frames(schedule.first_needed()));
    }
    assert_eq!(schedule.next_clip(), None);
    let class_probs: Vec<f64> = tracker.class_probs().concat().into_iter().map(f64::from).collect();
    seqformer_testing::assert_close_f64(
        "final_cls",
        &class_probs,
        &rows(&golden["final_cls"]),
        1e-6,
    );
    let logits = dense_logits(&finished, 7, [12, 16]);
    let seen = logits.select(3, 0).select(2, 0).isnan().logical_not();
    let areas = logits.gt(0.0).sum_dim_intlist([2_i64, 3].as_slice(), false, Kind::Float);
    let areas: Vec<f64> = host(&areas.where_self(&seen, &Tensor::from(-1.0_f32)))
        .into_iter()
        .map(f64::from)
        .collect();
    assert_eq!(areas, rows(&golden["final_area_per_track_frame"]));
    let sums = logits.sum_dim_intlist([2_i64, 3].as_slice(), false, Kind::Double);
    let sums: Vec<f64> = host(&sums).into_iter().map(f64::from).collect();
    let expected = rows(&golden["final_logit_sum_per_track_frame"]);
    seqformer_testing::assert_close_f64("logit sums", &sums, &expected, 1e-2);
}
