//! What `bench` measures.

use std::num::NonZeroUsize;

use seqformer::Precision;
use serde::Serialize;

use super::Bench;
use super::backbones::backbone_name;
use crate::args::Mode;

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Setting {
    frames: usize,
    height: u32,
    width: u32,
    backbone: String,
    device: String,
    pub(super) precision: &'static str,
    mode: &'static str,
    clip_length: Option<usize>,
    clip_stride: Option<usize>,
    runs: usize,
    threads: usize,
    /// The weight file; `None` for random weights.
    weights: Option<String>,
    max_memory_bytes: Option<u64>,
}

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

    /// The setting as a line for people.
    pub(super) fn line(&self) -> String {
        let Self { frames, width, height, backbone, device, precision, mode, .. } = self;
        let Self { threads, runs, .. } = self;
        format!(
            "{backbone}, {frames} frames of {width}x{height}, {mode}, {precision}, {device}, {threads} threads, {runs} \
             runs"
        )
    }
}
