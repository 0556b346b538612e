//! Arguments of `bench`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use seqformer_config::DeviceChoice;
use seqformer_masks::ImageSize;

use super::ComputeArgs;

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(after_help = BENCH_HELP)]
pub struct BenchArgs {
    /// Number of frames in the video.
    #[arg(long, value_name = "N", default_value = "10")]
    pub frames: NonZeroUsize,
    /// Width and height of the frames; they are not resized.
    #[arg(long, value_name = "WxH", default_value = "640x360", value_parser = size)]
    pub size: ImageSize,
    /// Backbone [default: that of the configuration file, or r50 without one].
    #[arg(long, value_enum)]
    pub backbone: Option<BackboneChoice>,
    /// Configuration of the model: a YAML file with detectron2's keys [default: that of the weights, or of YouTube-VIS 2019
    /// without any].
    #[arg(long, value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Checkpoint [default: MODEL.WEIGHTS, or random weights that are the same in every run].
    #[arg(long, value_name = "MODEL")]
    pub weights: Option<PathBuf>,
    /// Device: auto, cpu, cuda or cuda:N [default: MODEL.DEVICE if set, otherwise auto].
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Whether the network processes the video as a whole or in clips.
    #[arg(long, value_enum, default_value_t = Mode::Whole)]
    pub mode: Mode,
    /// Frames per clip [default: MODEL.SeqFormer.CLIP_LENGTH].
    #[arg(long, value_name = "FRAMES")]
    pub clip_length: Option<NonZeroUsize>,
    /// Frames from the start of a clip to the start of the next [default: MODEL.SeqFormer.CLIP_STRIDE].
    #[arg(long, value_name = "FRAMES")]
    pub clip_stride: Option<NonZeroUsize>,
    /// Timed runs, which follow a warm-up run (two on a GPU).
    #[arg(long, value_name = "K", default_value = "3")]
    pub runs: NonZeroUsize,
    /// Measure only the network, not the whole of `predict`.
    #[arg(long)]
    pub model_only: bool,
    /// Measure the training that the configuration describes, and nothing else: time and memory of an iteration with clips
    /// of DATASETS.TRAIN, and the hours of all of them. Nothing is written.
    #[arg(long, requires = "config_file", conflicts_with_all = ["model_only", "weights", "backbone"])]
    pub training: bool,
    /// With --training: begin no further iteration after this many seconds.
    #[arg(long, value_name = "SECONDS", requires = "training", value_parser = seconds)]
    pub seconds: Option<f64>,
    /// Write all numbers as JSON to this file; - is standard output, and the table then goes to standard
    /// error.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Add all numbers as a line of JSON to this file, with the time, the version and the machine.
    #[arg(long, value_name = "FILE", conflicts_with = "training")]
    pub history: Option<PathBuf>,
    /// ffmpeg executable, which reads and writes video files.
    #[arg(long, value_name = "FILE")]
    pub ffmpeg: Option<PathBuf>,
    /// Threads, precision and memory.
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// KEY VALUE pairs that override the configuration.
    #[arg(value_name = "KEY VALUE", allow_negative_numbers = true)]
    pub opts: Vec<String>,
}

/// Backbones by their names in papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BackboneChoice {
    /// ResNet-18.
    R18,
    /// ResNet-34.
    R34,
    /// ResNet-50.
    R50,
    /// ResNet-101.
    R101,
    /// ResNet-152.
    R152,
    /// ResNeXt-101 32x8d.
    X101,
    /// Swin-T, windows of 7.
    #[value(name = "swin_t")]
    SwinT,
    /// Swin-S, windows of 7.
    #[value(name = "swin_s")]
    SwinS,
    /// Swin-B, windows of 12.
    #[value(name = "swin_b")]
    SwinB,
    /// Swin-L, windows of 12.
    #[value(name = "swin_l")]
    SwinL,
}

/// How the network processes a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// As a whole: the decoder sees all frames together.
    Whole,
    /// In overlapping clips.
    Clip,
}

const BENCH_HELP: &str = "\
Measures three things and prints them as a table:
  model       from decoded frames in memory to class scores and mask logits
  end to end  `predict` on an mp4: decoding, network, masks, run lengths, overlay, files
  machine     rates of matrix products and of reading memory, with the same number of threads

docs/performance.md explains each number.

Example:
  seqformer bench --frames 10 --size 640x360 --backbone r50 --precision bf16 --runs 3 --json -

What a training costs on this machine:
  seqformer bench --training --config-file street/config.yaml";

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=1e6).contains(&seconds) => Ok(seconds),
        _ => Err("expected a number of seconds, as in 30".to_owned()),
    }
}

fn size(text: &str) -> Result<ImageSize, String> {
    let wrong = || "expected width and height, as in 640x360".to_owned();
    let (width, height) = text.split_once('x').ok_or_else(wrong)?;
    let side =
        |text: &str| text.parse().ok().filter(|side| (1..=16384).contains(side)).ok_or_else(wrong);
    Ok(ImageSize { width: side(width)?, height: side(height)? })
}
