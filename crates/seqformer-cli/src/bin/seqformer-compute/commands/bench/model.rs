//! The network alone.

use std::time::Instant;

use anyhow::Result;
use seqformer::inference::{ClipSchedule, Launch};
use seqformer::{StageTimes, time_stages};
use seqformer_bench::{NetworkWork, Workload};
use seqformer_data::RgbImage;
use seqformer_engine::builder;

use super::Bench;
use super::speed::{Phase, Speed};
use super::timing::{FrameTimes, Timed};
use crate::process_memory;

/// Runs the network on the frames: warm-up runs, then the requested number of timed runs.
///
/// On a GPU the network runs as one graph, whose stages cannot be timed separately. Its stage times come from one more,
/// untimed run without the graph.
pub(super) fn measure(bench: &Bench<'_>, frames: &[RgbImage]) -> Result<Speed> {
    let on_gpu = bench.device.is_cuda();
    let phase = Phase::start(bench.device);
    for _ in 0..bench.warm_ups() {
        once(bench, frames, false)?;
    }
    let mut runs = Vec::new();
    for _ in 0..bench.args.runs.get() {
        runs.push(once(bench, frames, !on_gpu)?);
    }
    if on_gpu && let Some(last) = runs.last_mut() {
        last.stages = once(bench, frames, true)?.stages;
    }
    let peak_mib = process_memory::peak_mib();
    Ok(Speed::new(&runs, phase, peak_mib)
        .with_work(&work(bench)?, bench.predictor.options().precision))
}

/// All results are in host memory at the end, so a GPU has finished by then.
fn once(bench: &Bench<'_>, frames: &[RgbImage], with_stages: bool) -> Result<Timed> {
    let frames = frames.to_vec();
    let mut times = FrameTimes::start();
    let start = Instant::now();
    let launch = if with_stages { Launch::Kernels } else { Launch::Graph };
    let run = || bench.predictor.run_network(frames, launch, &mut |progress| times.step(progress));
    let stages = if with_stages {
        let (done, stages) = time_stages(bench.device, run);
        done?;
        Some(stages)
    } else {
        run()?;
        None
    };
    let secs = start.elapsed().as_secs_f64();
    let frames = times.finish();
    let mut stages = stages.as_ref().map(network_stages).unwrap_or_default();
    if with_stages {
        let rest = secs - stages.iter().map(|(_, secs)| secs).sum::<f64>();
        stages.push(("other", rest.max(0.0)));
    }
    Ok(Timed { secs, stages: stages.into_iter().collect(), frames })
}

/// The network's stages by their names in the report.
pub(super) fn network_stages(times: &StageTimes) -> Vec<(&'static str, f64)> {
    let StageTimes { backbone, encoder, decoder, masks } = times;
    let stages =
        [("backbone", backbone), ("encoder", encoder), ("decoder", decoder), ("masks", masks)];
    stages.into_iter().map(|(name, time)| (name, time.as_secs_f64())).collect()
}

/// The arithmetic of the network for the whole video.
fn work(bench: &Bench<'_>) -> Result<NetworkWork> {
    let num_frames = bench.args.frames.get();
    let (mut num_clips, mut clip_frames) = (1, num_frames);
    if let Some(clips) = bench.predictor.options().clips {
        let mut schedule = ClipSchedule::new(clips.length, clips.stride)?;
        schedule.push(num_frames);
        schedule.end();
        let all: Vec<usize> =
            std::iter::from_fn(|| schedule.next_clip()).map(|clip| clip.len()).collect();
        (num_clips, clip_frames) = (all.len(), all.iter().sum());
    }
    let network = builder::model_config(&bench.settings.config);
    let queries = bench.predictor.options().rule.max_queries.min(network.num_queries);
    Ok(NetworkWork::of(
        &network,
        Workload {
            frame: bench.args.size,
            num_frames,
            clip_frames,
            num_clips,
            num_instances: usize::try_from(queries)?,
        },
    ))
}
