//! Speed and memory of a phase of `bench`.

use std::collections::BTreeMap;

use seqformer::Precision;
use seqformer_bench::{NetworkWork, StageWork};
use seqformer_engine::{Device, forget_gpu_peak, gpu_peak};
use serde::Serialize;

use super::timing::{Timed, median, quantile};
use crate::process_memory;

/// Speed and memory of a phase.
#[derive(Debug, Serialize)]
pub(super) struct Speed {
    /// Median time of one pass over the video.
    pub(super) seconds_median: f64,
    /// Time of each pass.
    seconds: Vec<f64>,
    /// Frames per second of the median pass.
    pub(super) fps: f64,
    /// Median time of a frame over all passes, in milliseconds.
    pub(super) p50_ms: f64,
    /// 99th percentile of the time of a frame, in milliseconds.
    pub(super) p99_ms: f64,
    /// Seconds of each stage, the median over passes.
    pub(super) stages: BTreeMap<&'static str, f64>,
    /// Peak memory of the process.
    pub(super) peak_rss_mib: Option<f64>,
    /// Memory of the process before the phase.
    rss_before_mib: Option<f64>,
    /// Whether the peak belongs to this phase only, or to the process since its start.
    peak_is_of_phase: bool,
    /// Peak size of all tensors on the GPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) peak_gpu_mib: Option<f64>,
    /// Arithmetic of each stage of the network.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) work: BTreeMap<&'static str, Work>,
    /// Speed relative to that of the network alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) share_of_model: Option<f64>,
}

/// Arithmetic of a stage.
#[derive(Debug, Serialize)]
pub(super) struct Work {
    /// Operations of products and convolutions.
    pub(super) flop: f64,
    /// `flop` divided by the stage's seconds.
    pub(super) flops: f64,
    /// `flops` divided by the machine's rate for a large product.
    pub(super) share_of_matmul: f64,
    /// Bytes that deformable attention gathers.
    gathered_bytes: f64,
}

/// A phase whose memory is measured.
#[derive(Debug)]
pub(super) struct Phase {
    device: Device,
    before_mib: Option<f64>,
    is_alone: bool,
}

impl Phase {
    /// Resets the peak memory and starts the phase.
    pub(super) fn start(device: Device) -> Self {
        forget_gpu_peak(device);
        Self {
            device,
            is_alone: process_memory::forget_peak(),
            before_mib: process_memory::resident_mib(),
        }
    }
}

impl Speed {
    pub(super) fn new(runs: &[Timed], phase: Phase, peak_rss_mib: Option<f64>) -> Self {
        let seconds: Vec<f64> = runs.iter().map(|run| run.secs).collect();
        let seconds_median = median(seconds.iter().copied());
        let num_frames = runs.first().map_or(0, |run| run.frames.len());
        let frames = || runs.iter().flat_map(|run| run.frames.iter().map(|secs| 1e3 * secs));
        let names = runs.iter().flat_map(|run| run.stages.keys().copied());
        let secs = |stage| runs.iter().filter_map(move |run| run.stages.get(stage).copied());
        Self {
            fps: num_frames as f64 / seconds_median,
            p50_ms: median(frames()),
            p99_ms: quantile(frames(), 0.99),
            stages: names.map(|stage| (stage, median(secs(stage)))).collect(),
            seconds_median,
            seconds,
            peak_rss_mib,
            peak_gpu_mib: gpu_peak(phase.device).map(|bytes| bytes as f64 / f64::from(1 << 20)),
            rss_before_mib: phase.before_mib,
            peak_is_of_phase: phase.is_alone,
            work: BTreeMap::new(),
            share_of_model: None,
        }
    }

    /// Adds the arithmetic of the stages.
    pub(super) fn with_work(mut self, network: &NetworkWork, precision: Precision) -> Self {
        let NetworkWork { backbone, encoder, decoder, masks } = *network;
        let bytes = match precision {
            Precision::F32 | Precision::Tf32 => 4.0,
            Precision::Bf16 => 2.0,
        };
        let parts =
            [("backbone", backbone), ("encoder", encoder), ("decoder", decoder), ("masks", masks)];
        let work = parts.into_iter().filter_map(|(name, StageWork { flop, gathered_values })| {
            let flops = flop / self.stages.get(name)?;
            let gathered_bytes = bytes * gathered_values;
            Some((name, Work { flop, flops, share_of_matmul: 0.0, gathered_bytes }))
        });
        self.work = work.collect();
        self
    }
}
