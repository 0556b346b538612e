//! `tiny_clip_L*S*` and `tracker_T*L*S*`: clips that overlap, their tracks, and the results.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use seqformer::inference::{
    Association, ClipPrediction, ClipPredictor, ClipRule, ClipSchedule, ClipTracker, FinishedFrame,
    classify, final_masks,
};
use seqformer_data::read_image;
use seqformer_engine::{ClipOptions, Predictor, PredictorOptions, encode_masks};
use seqformer_masks::ImageSize;
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use super::whole_video::{
    category_ids, compare_detections, compare_results, network_inputs, videos,
};
use crate::arrays::{Arrays, max_abs, values};
use crate::network::{self, Network};
use crate::report::ParityReport;

/// Pairs below this soft IoU are not linked, although they stand in the assignment.
const MATCH_THRESHOLD: f64 = 0.01;
const MASK_TOLERANCE: f64 = 2e-4;
const CLASS_TOLERANCE: f64 = 1e-5;
const SIOU_TOLERANCE: f64 = 2e-5;

/// Compares clip inference on the videos of the tiny dataset; `path` is the case's file of tensors.
pub(super) fn run(path: &Path, case: &str, report: &mut ParityReport<'_>) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let clips = clip_options(case)?;
    let config = network::config(&folder.join("tiny_config.yaml"), &[])?;
    let network =
        Network::from_checkpoint(config, &folder.join("tiny_model.pth"), report.device())?;
    let options =
        PredictorOptions { clips: Some(clips), ..PredictorOptions::from_config(&network.config) };
    let predictor = Predictor::with_model(network.model, network.variables, options);
    let golden = Arrays::read(path)?;
    let dataset = seqformer_testing::read_json(&folder.join("tiny_video/instances.json"))?;
    let categories = category_ids(&dataset)?;
    let results = seqformer_testing::read_json(&folder.join(case).join("results.json"))?;
    let mut results = results.as_array().context("results.json is not a list")?.iter();
    for (index, video) in
        videos(&dataset, &folder.join("tiny_video/JPEGImages"))?.iter().enumerate()
    {
        let prefix = format!("video{index}.");
        compare_clips(&predictor, &network_inputs(&predictor, video)?, &prefix, &golden, report)?;
        let images = video.frames.iter().map(|path| Ok(read_image(path)?.image));
        let found = predictor.predict(images, &mut |_progress| {})?;
        compare_detections(&found, &prefix, &golden, report)?;
        let expected: Vec<&Value> = results.by_ref().take(found.detections.len()).collect();
        let name = format!("{prefix}results.json");
        compare_results(&found, video.id, &categories, &expected, &name, report)?;
    }
    report.exact("results.json left over", results.count(), 1);
    Ok(())
}

/// `…L5S1`: clips of 5 frames, 1 apart.
fn clip_options(case: &str) -> Result<ClipOptions> {
    let parse = || {
        let (before, stride) = case.rsplit_once('S')?;
        let (_, length) = before.rsplit_once('L')?;
        Some(ClipOptions::new(length.parse().ok()?, stride.parse().ok()?))
    };
    parse().with_context(|| format!("{case} does not end with L and S and numbers"))
}

fn compare_clips(
    predictor: &Predictor,
    inputs: &Tensor,
    prefix: &str,
    golden: &Arrays,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    let options = predictor.options();
    let clips = options.clips.context("the case has clips")?;
    let rule = ClipRule {
        length: clips.length,
        stride: clips.stride,
        max_queries: options.rule.max_queries,
    };
    let size = seqformer::size_of_frames(inputs).context("frames are [T, 3, H, W]")?;
    let mut clips = ClipPredictor::new(predictor.model(), size, rule)?;
    clips.push(inputs)?;
    clips.end()?;
    let mut tracking = Tracking::default();
    while let Some(clip) = clips.next_clip()? {
        let at = |name: &str| format!("{prefix}clip{}.{name}", tracking.clips);
        let probs = golden.get(&at("cls_probs"))?;
        report.close(&at("cls_probs"), &clip.class_probs, &probs, CLASS_TOLERANCE);
        if golden.contains(&at("mask_logits")) {
            let logits = golden.get(&at("mask_logits"))?;
            report.close(&at("mask_logits"), &clip.mask_logits, &logits, MASK_TOLERANCE);
        }
        tracking.update(&clip, prefix, golden, report)?;
        tracking.finish(clips.first_needed());
    }
    tracking.compare(prefix, golden, report)
}

/// Compares the tracker alone, on clips that were made up.
pub(super) fn tracker(path: &Path, case: &str, report: &mut ParityReport<'_>) -> Result<()> {
    let golden = Arrays::read(path)?;
    let clips = clip_options(case)?;
    let expected = golden.get("result_mask_logits")?;
    let mut schedule = ClipSchedule::new(clips.length, clips.stride)?;
    schedule.push(expected.size()[1] as usize);
    schedule.end();
    let mut tracking = Tracking::default();
    while let Some(frames) = schedule.next_clip() {
        let at = |name: &str| format!("clip{}.{name}", tracking.clips);
        let clip = ClipPrediction {
            frames,
            class_probs: golden.get(&at("cls_probs"))?,
            mask_logits: golden.get(&at("mask_logits"))?,
        };
        tracking.update(&clip, "", &golden, report)?;
        tracking.finish(schedule.first_needed());
    }
    report.number("num_clips", tracking.clips as f64 - values(&golden.get("num_clips")?)[0], 0.0);
    tracking.compare("", &golden, report)?;
    let class_probs = tracking.tracker.class_probs();
    let found = classify(class_probs.iter().map(Vec::as_slice), Some(0.05));
    let scores: Vec<f64> = found.iter().map(|found| f64::from(found.score)).collect();
    report.numbers("post.scores", &scores, &values(&golden.get("post.scores")?), CLASS_TOLERANCE);
    let labels: Vec<f64> = found.iter().map(|found| found.label as f64).collect();
    report.numbers("post.labels", &labels, &values(&golden.get("post.labels")?), 0.0);
    let areas =
        tracking.areas(ImageSize { height: 30, width: 42 }, ImageSize { height: 45, width: 65 });
    let areas: Vec<f64> = found.iter().flat_map(|found| areas[found.rank].clone()).collect();
    report.numbers("post.mask_area", &areas, &values(&golden.get("post.mask_area")?), 0.0);
    Ok(())
}

/// A tracker and what came out of it.
#[derive(Default)]
struct Tracking {
    tracker: ClipTracker,
    clips: usize,
    num_tracks: usize,
    frames: Vec<FinishedFrame>,
}

impl Tracking {
    /// Links a clip and compares how.
    fn update(
        &mut self,
        clip: &ClipPrediction,
        prefix: &str,
        golden: &Arrays,
        report: &mut ParityReport<'_>,
    ) -> Result<()> {
        let prefix = format!("{prefix}clip{}.", self.clips);
        let numbers =
            |name: &str| Ok::<_, anyhow::Error>(values(&golden.get(&format!("{prefix}{name}"))?));
        let frames: Vec<f64> = clip.frames.clone().map(|frame| frame as f64).collect();
        report.numbers(&format!("{prefix}frame_idx"), &frames, &numbers("frame_idx")?, 0.0);
        let found = self.tracker.update(clip);
        let siou = numbers("siou")?;
        let dense = dense_similarity(&found, self.num_tracks);
        report.numbers(&format!("{prefix}siou"), &dense, &siou, SIOU_TOLERANCE);
        let count = found.track_of.len();
        let pairs = numbers("match_saved")?.into_iter().zip(numbers("match_input")?);
        let linked: BTreeMap<usize, usize> = pairs
            .map(|(track, instance)| (instance as usize, track as usize))
            .filter(|(instance, track)| siou[track * count + instance] > MATCH_THRESHOLD)
            .collect();
        let mut new = self.num_tracks..;
        let expected =
            (0..count).map(|instance| linked.get(&instance).copied().or_else(|| new.next()));
        let wrong = expected.zip(&found.track_of).filter(|(a, b)| *a != Some(**b)).count();
        report.exact(&format!("{prefix}match"), wrong, count);
        let counts = [self.num_tracks as f64, found.num_tracks as f64];
        let name = format!("{prefix}num_inst_before_after");
        report.numbers(&name, &counts, &numbers("num_inst_before_after")?, 0.0);
        self.num_tracks = found.num_tracks;
        self.clips += 1;
        Ok(())
    }

    fn finish(&mut self, end: usize) {
        self.frames.extend(self.tracker.finish_frames(end));
    }

    /// Compares the averages.
    fn compare(&self, prefix: &str, golden: &Arrays, report: &mut ParityReport<'_>) -> Result<()> {
        let expected = golden.get(&format!("{prefix}result_cls"))?;
        let probs: Vec<f64> =
            self.tracker.class_probs().concat().into_iter().map(f64::from).collect();
        let name = format!("{prefix}result_cls");
        report.numbers(&name, &probs, &values(&expected), CLASS_TOLERANCE);
        let expected = golden.get(&format!("{prefix}result_mask_logits"))?;
        let tolerance =
            MASK_TOLERANCE.min(2e-5 + 2e-5 * max_abs(&expected.nan_to_num(0.0, 0.0, 0.0)));
        let found = Tensor::full(expected.size(), f64::NAN, (Kind::Float, Device::Cpu));
        for frame in &self.frames {
            for (row, &track) in frame.tracks.iter().enumerate() {
                let mut map = found.get(track as i64).get(frame.frame as i64);
                map.copy_(&frame.mask_logits.get(row as i64));
            }
        }
        let tolerance = if prefix.is_empty() { tolerance } else { MASK_TOLERANCE };
        report.close(&format!("{prefix}result_mask_logits"), &found, &expected, tolerance);
        Ok(())
    }

    /// Pixels of each track on every frame.
    fn areas(&self, frame_size: ImageSize, output_size: ImageSize) -> Vec<Vec<f64>> {
        let mut areas = vec![vec![0.0; self.frames.len()]; self.num_tracks];
        for frame in &self.frames {
            let masks = encode_masks(&final_masks(&frame.mask_logits, frame_size, output_size));
            for (&track, mask) in frame.tracks.iter().zip(masks) {
                areas[track][frame.frame] = mask.area() as f64;
            }
        }
        areas
    }
}

/// The reference compares with all tracks, also with those that share no frame with the clip.
fn dense_similarity(found: &Association, num_tracks: usize) -> Vec<f64> {
    let count = found.track_of.len();
    let mut dense = vec![0.0; num_tracks * count];
    for (&track, row) in found.candidates.iter().zip(found.similarity.chunks(count.max(1))) {
        for (dense, &similarity) in dense[track * count..].iter_mut().zip(row) {
            *dense = f64::from(similarity);
        }
    }
    dense
}
