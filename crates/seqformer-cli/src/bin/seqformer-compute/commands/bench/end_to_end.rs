//! The whole of `predict`, on a video file that is written first.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use seqformer::time_stages;
use seqformer_data::RgbImage;
use seqformer_video::{Fonts, FrameSink, FrameSource};
use tempfile::TempDir;

use super::Bench;
use super::model::network_stages;
use super::speed::{Phase, Speed};
use super::timing::{FrameTimes, Timed};
use crate::class_names;
use crate::commands::predict::{Input, Output, OverlayOptions, Run, Saving, Store, Summary};
use crate::process_memory;

/// Frames per second of the video.
const FPS: f64 = 25.0;

/// Objects above this score are drawn: with random weights all that are kept, otherwise as in `predict`.
const OVERLAY_THRESHOLD: f64 = 0.3;

/// Predicts the video: warm-up runs, then the requested number of timed runs.
pub(super) fn measure(bench: &Bench<'_>, frames: &[RgbImage]) -> Result<Speed> {
    let folder = TempDir::new()?;
    let mut sink = FrameSink::video(&folder.path().join("bench.mp4"), FPS, &bench.ffmpeg())?;
    for frame in frames {
        sink.write(frame)?;
    }
    let video = sink.finish()?.path;
    let phase = Phase::start(bench.device);
    let mut runs = Vec::new();
    for _ in 0..bench.warm_ups() {
        once(bench, &video)?;
    }
    for _ in 0..bench.args.runs.get() {
        runs.push(once(bench, &video)?);
    }
    Ok(Speed::new(&runs, phase, process_memory::peak_mib()))
}

fn once(bench: &Bench<'_>, video: &Path) -> Result<Timed> {
    let folder = TempDir::new()?;
    let num_classes = usize::try_from(bench.settings.config.model.seqformer.num_classes)?;
    let classes = class_names::of_weights(bench.predictor.class_names(), num_classes);
    let overlay_threshold = if bench.weights.is_some() { OVERLAY_THRESHOLD } else { 0.0 };
    let output = Output {
        folder: folder.path().to_path_buf(),
        score_threshold: None,
        overlay: Some(OverlayOptions {
            threshold: overlay_threshold,
            // Every object costs time.
            max_overlap: 1.0,
            contact_sheet: false,
        }),
        saving: Saving::default(),
    };
    let summary = Summary::new(video, bench.device, false);
    let store = Store::new(folder.path());
    let stop = Arc::default();
    // Discards the times of earlier runs.
    bench.predictor.take_times();
    let mut times = FrameTimes::start();
    let start = Instant::now();
    let ffmpeg = bench.ffmpeg();
    let name = || "bench".to_owned();
    let source = FrameSource::open(video, &ffmpeg)?;
    let input = Input { source, name: name(), stem: name() };
    let (predictor, fonts) = (&bench.predictor, Fonts::of_system());
    let mut run = Run { output, classes, fonts, predictor, ffmpeg, summary, store, stop: &stop };
    let mut work = || run.video(&input, 1, &mut |progress| times.step(progress));
    // On a GPU the network is one graph without stages.
    let (done, network) = if bench.device.is_cuda() {
        (work(), None)
    } else {
        let (done, network) = time_stages(bench.device, &mut work);
        (done, Some(network))
    };
    let done = done?;
    let secs = start.elapsed().as_secs_f64();
    let frames = times.finish();
    let around = bench.predictor.take_times();
    let mut stages = network.as_ref().map(network_stages).unwrap_or_default();
    stages.extend([
        ("decode", around.read.as_secs_f64()),
        ("resize", around.resize.as_secs_f64()),
        ("rle", around.rle.as_secs_f64()),
        ("overlay", done.overlay_secs),
        ("files", (secs - done.network_secs - done.overlay_secs).max(0.0)),
    ]);
    Ok(Timed { secs, stages: stages.into_iter().collect(), frames })
}
