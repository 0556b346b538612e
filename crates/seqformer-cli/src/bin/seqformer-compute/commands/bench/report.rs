//! What `bench` prints.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use comfy_table::{Cell, CellAlignment, Table, presets};
use seqformer::Precision;
use seqformer_bench::{NetworkWork, StageWork};
use seqformer_engine::{Device, forget_gpu_peak, gpu_peak};
use serde::Serialize;

use super::Bench;
use super::backbones::backbone_name;
use super::machine::Machine;
use super::timing::{Timed, median, quantile};
use crate::args::Mode;
use crate::process_memory;

/// Stages in the order of the table.
const STAGES: [&str; 10] = [
    "decode", "resize", "backbone", "encoder", "decoder", "masks", "rle", "overlay", "files",
    "other",
];

/// All numbers of a run of the command.
#[derive(Debug, Serialize)]
pub(super) struct BenchReport {
    setting: Setting,
    model: Speed,
    /// `None` if only the network was measured.
    end_to_end: Option<Speed>,
    machine: Machine,
    /// Number of CUDA graphs that were recorded; `None` on the CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    graphs: Option<usize>,
    /// What ran in a slower way on the GPU; `None` on the CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    fallbacks: Option<Vec<String>>,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Setting {
    frames: usize,
    height: u32,
    width: u32,
    backbone: String,
    device: String,
    precision: &'static str,
    mode: &'static str,
    clip_length: Option<usize>,
    clip_stride: Option<usize>,
    runs: usize,
    threads: usize,
    /// The weight file; `None` for random weights.
    weights: Option<String>,
    max_memory_bytes: Option<u64>,
}

/// Speed and memory of a phase.
#[derive(Debug, Serialize)]
pub(super) struct Speed {
    /// Median time of one pass over the video.
    seconds_median: f64,
    /// Time of each pass.
    seconds: Vec<f64>,
    /// Frames per second of the median pass.
    fps: f64,
    /// Median time of a frame over all passes, in milliseconds.
    p50_ms: f64,
    /// 99th percentile of the time of a frame, in milliseconds.
    p99_ms: f64,
    /// Seconds of each stage, the median over passes.
    stages: BTreeMap<&'static str, f64>,
    /// Peak memory of the process.
    peak_rss_mib: Option<f64>,
    /// Memory of the process before the phase.
    rss_before_mib: Option<f64>,
    /// Whether the peak belongs to this phase only, or to the process since its start.
    peak_is_of_phase: bool,
    /// Peak size of all tensors on the GPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_gpu_mib: Option<f64>,
    /// Arithmetic of each stage of the network.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    work: BTreeMap<&'static str, Work>,
    /// Speed relative to that of the network alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    share_of_model: Option<f64>,
}

/// Arithmetic of a stage.
#[derive(Debug, Serialize)]
pub(super) struct Work {
    /// Operations of products and convolutions.
    flop: f64,
    /// `flop` divided by the stage's seconds.
    flops: f64,
    /// `flops` divided by the machine's rate for a large product.
    share_of_matmul: f64,
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

impl BenchReport {
    pub(super) fn new(
        setting: Setting,
        mut model: Speed,
        mut end_to_end: Option<Speed>,
        machine: Machine,
    ) -> Self {
        let rate = match setting.precision {
            "bf16" => machine.matmul_bf16_flops,
            "tf32" => machine.matmul_tf32_flops.unwrap_or(machine.matmul_f32_flops),
            _ => machine.matmul_f32_flops,
        };
        for work in model.work.values_mut() {
            work.share_of_matmul = work.flops / rate;
        }
        if let Some(speed) = &mut end_to_end {
            speed.share_of_model = Some(speed.fps / model.fps);
        }
        Self { setting, model, end_to_end, machine, graphs: None, fallbacks: None }
    }

    /// Adds what a GPU's way of running depends on.
    pub(super) fn on_gpu(self, graphs: usize, fallbacks: Vec<String>) -> Self {
        Self { graphs: Some(graphs), fallbacks: Some(fallbacks), ..self }
    }

    /// The numbers as a table for people.
    pub(super) fn table(&self) -> String {
        let Self { setting, model, end_to_end, machine, .. } = self;
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(["", "model", "end to end", "TFLOP", "TFLOP/s", "of a matmul"]);
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        let both = |number: &dyn Fn(&Speed) -> Option<String>| {
            let end = end_to_end.as_ref().and_then(number);
            [number(model), end].map(|text| right(text.unwrap_or_else(|| "-".to_owned())))
        };
        for (name, number) in ROWS {
            // Some rows exist only for a network on a GPU.
            if number(model).is_none() && end_to_end.as_ref().and_then(number).is_none() {
                continue;
            }
            let mut row = vec![Cell::new(name)];
            row.extend(both(&|speed| number(speed)));
            table.add_row(row);
        }
        for stage in STAGES {
            let secs = |speed: &Speed| speed.stages.get(stage).map(|secs| format!("{secs:.3}"));
            if secs(model).is_none() && end_to_end.as_ref().and_then(secs).is_none() {
                continue;
            }
            let mut row = vec![Cell::new(format!("{stage}, s"))];
            row.extend(both(&secs));
            if let Some(work) = model.work.get(stage) {
                row.extend([
                    right(format!("{:.3}", work.flop / 1e12)),
                    right(format!("{:.3}", work.flops / 1e12)),
                    right(format!("{:.0} %", 100.0 * work.share_of_matmul)),
                ]);
            }
            table.add_row(row);
        }
        format!("{}\n{table}\n{}", setting.line(), machine.line())
    }
}

type Row = (&'static str, fn(&Speed) -> Option<String>);

const ROWS: [Row; 7] = [
    ("seconds, median", |speed| Some(format!("{:.3}", speed.seconds_median))),
    ("frames per second", |speed| Some(format!("{:.2}", speed.fps))),
    ("p50 of a frame, ms", |speed| Some(format!("{:.1}", speed.p50_ms))),
    ("p99 of a frame, ms", |speed| Some(format!("{:.1}", speed.p99_ms))),
    ("peak memory, MiB", |speed| speed.peak_rss_mib.map(|mib| format!("{mib:.0}"))),
    ("peak GPU memory, MiB", |speed| speed.peak_gpu_mib.map(|mib| format!("{mib:.0}"))),
    ("speed over the model's", |speed| {
        speed.share_of_model.map(|share| format!("{:.0} %", 100.0 * share))
    }),
];

impl Setting {
    pub(super) fn new(bench: &Bench<'_>, threads: NonZeroUsize) -> Self {
        let args = bench.args;
        let clips = bench.predictor.options().clips;
        Self {
            frames: args.frames.get(),
            height: args.size.height,
            width: args.size.width,
            backbone: backbone_name(&bench.settings.config.model),
            device: format!("{:?}", bench.device).to_lowercase(),
            precision: match bench.predictor.options().precision {
                Precision::F32 => "f32",
                Precision::Tf32 => "tf32",
                Precision::Bf16 => "bf16",
            },
            mode: match args.mode {
                Mode::Whole => "whole",
                Mode::Clip => "clip",
            },
            clip_length: clips.map(|clips| clips.length),
            clip_stride: clips.map(|clips| clips.stride),
            runs: args.runs.get(),
            threads: threads.get(),
            weights: bench.weights.as_ref().map(|path| path.display().to_string()),
            max_memory_bytes: args.compute.max_memory,
        }
    }

    fn line(&self) -> String {
        let Self { frames, width, height, backbone, device, precision, mode, .. } = self;
        let Self { threads, runs, .. } = self;
        format!(
            "{backbone}, {frames} frames of {width}x{height}, {mode}, {precision}, {device}, {threads} threads, {runs} \
             runs"
        )
    }
}

impl Machine {
    fn line(&self) -> String {
        let cpu = self.cpu.as_deref().unwrap_or("this machine");
        let tera = |flops: f64| format!("{:.3}", flops / 1e12);
        let name = match &self.gpu {
            Some(gpu) => format!("{gpu} in {cpu}"),
            None => cpu.to_owned(),
        };
        let tf32 = self.matmul_tf32_flops.map(|flops| format!("{} in tf32, ", tera(flops)));
        let copied = self
            .memory_copy_bytes_per_second
            .map(|rate| format!(" and copied at {:.1} GB/s", rate / 1e9));
        format!(
            "{name}, {} cores: matrix products {} TFLOP/s in f32, {}{} in bf16, memory read at {:.1} GB/s{}",
            self.cores,
            tera(self.matmul_f32_flops),
            tf32.unwrap_or_default(),
            tera(self.matmul_bf16_flops),
            self.memory_read_bytes_per_second / 1e9,
            copied.unwrap_or_default()
        )
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
