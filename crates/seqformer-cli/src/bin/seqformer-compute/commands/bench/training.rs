//! The iterations of a training: what they cost before it begins.

use std::fmt::Write as _;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use seqformer_engine::{
    Communicator, TrainPlan, Trainer, TrainerOptions, forget_gpu_peak, gpu_card, gpu_memory,
    gpu_peak, open_device,
};
use serde::Serialize;

use crate::args::BenchArgs;
use crate::compute;
use crate::output;
use crate::process_memory;
use crate::settings::Settings;
use crate::weights_source;

/// Longer than anybody waits; instants far behind it do not exist.
const FOREVER: Duration = Duration::from_secs(1 << 30);

/// What iterations take.
#[derive(Debug, Serialize)]
struct TrainingReport {
    training: Costs,
}

/// The costs of a training in one process.
#[derive(Debug, Serialize)]
struct Costs {
    device: String,
    /// Name of the GPU, if the network runs on one.
    gpu: Option<String>,
    threads: usize,
    /// `SOLVER.IMS_PER_BATCH`.
    clips_per_batch: usize,
    /// `SOLVER.MICRO_BATCH_SIZE`.
    micro_batch_size: usize,
    /// `INPUT.SAMPLING_FRAME_NUM`.
    frames_per_clip: usize,
    /// Reading the annotations and weights.
    start_seconds: f64,
    /// The first iteration, which is slower than the others.
    first_seconds: f64,
    /// Each of the others.
    seconds: Vec<f64>,
    /// Their mean; the first iteration if there are no others.
    seconds_per_iteration: f64,
    /// `SOLVER.MAX_ITER`.
    max_iter: u64,
    /// All iterations, without evaluations.
    hours: f64,
    /// Peak memory of the process.
    peak_rss_mib: Option<f64>,
    /// Peak size of all tensors on the GPU.
    peak_gpu_mib: Option<f64>,
    /// Memory of the GPU.
    gpu_memory_mib: Option<f64>,
}

/// Times iterations of the training that the configuration describes. What a training writes goes to a temporary folder.
pub(super) fn run(args: &BenchArgs, mut settings: Settings) -> Result<()> {
    let start = Instant::now();
    let until = start + args.seconds.map_or(FOREVER, Duration::from_secs_f64);
    let device = open_device(settings.device(args.device)?)?;
    let threads = compute::start(&args.compute);
    weights_source::locate_in(&mut settings.config, false)?;
    let folder = tempfile::tempdir().context("no temporary folder can be made")?;
    let config = &mut settings.config;
    folder.path().clone_into(&mut config.output_dir);
    forget_gpu_peak(device);
    let options = TrainerOptions {
        resume: false,
        device,
        config_text: settings.node.dump(),
        config_file: settings.node.dump_for_vnext(),
    };
    let alone = Rc::new(Communicator::alone());
    let mut trainer = Trainer::new(TrainPlan::from_config(config), options, alone)?;
    let start_seconds = start.elapsed().as_secs_f64();
    let all = trainer.time_iterations(1 + args.runs.get(), until)?;
    let (first_seconds, seconds) = match all.as_slice() {
        [first, others @ ..] => (*first, others.to_vec()),
        [] => (0.0, Vec::new()),
    };
    let seconds_per_iteration = if seconds.is_empty() {
        first_seconds
    } else {
        seconds.iter().sum::<f64>() / seconds.len() as f64
    };
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let costs = Costs {
        device: format!("{device:?}").to_lowercase(),
        gpu: gpu_card(device).ok().flatten().map(|card| card.name),
        threads: threads.get(),
        clips_per_batch: config.solver.ims_per_batch,
        micro_batch_size: config.solver.micro_batch_size,
        frames_per_clip: config.input.sampling_frame_num,
        start_seconds,
        first_seconds,
        seconds,
        seconds_per_iteration,
        max_iter: config.solver.max_iter,
        hours: config.solver.max_iter as f64 * seconds_per_iteration / 3600.0,
        peak_rss_mib: process_memory::peak_mib(),
        peak_gpu_mib: gpu_peak(device).map(mib),
        gpu_memory_mib: gpu_memory(device).map(mib),
    };
    output::show(&costs.text(), &TrainingReport { training: costs }, args.json.as_deref())
}

impl Costs {
    /// The numbers for people.
    fn text(&self) -> String {
        let on = self.gpu.as_deref().unwrap_or(&self.device);
        let mut text = format!(
            "{} clips of {} frames a batch, on {on}, {} threads: {:.2} s an iteration (mean of {}, after a first one of \
             {:.2} s)\n{} iterations: {:.1} hours, without evaluations",
            self.clips_per_batch,
            self.frames_per_clip,
            self.threads,
            self.seconds_per_iteration,
            self.seconds.len(),
            self.first_seconds,
            self.max_iter,
            self.hours
        );
        let peaks = [("memory", self.peak_rss_mib), ("GPU memory", self.peak_gpu_mib)];
        for (what, peak) in peaks {
            if let Some(mib) = peak {
                // Writing to a text cannot fail.
                let _written = write!(text, "\npeak {what}: {mib:.0} MiB");
            }
        }
        text
    }
}
