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
    /// Frames of the video.
    #[arg(long, value_name = "N", default_value = "10")]
    pub frames: NonZeroUsize,
    /// Width and height of the frames, which the network takes as they are.
    #[arg(long, value_name = "WxH", default_value = "640x360", value_parser = size)]
    pub size: ImageSize,
    /// The image network [default: that of the configuration file, or r50 without one].
    #[arg(long, value_enum)]
    pub backbone: Option<BackboneChoice>,
    /// Configuration of the model, a YAML file with detectron2's keys [default: that of YouTube-VIS 2019].
    #[arg(long, value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Checkpoint: a file, the name of a model, or an address [default: MODEL.WEIGHTS, or random weights that are the same
    /// every time].
    #[arg(long, value_name = "MODEL")]
    pub weights: Option<PathBuf>,
    /// Where to compute: auto, cpu, cuda or cuda:N [default: MODEL.DEVICE if it is set, otherwise auto].
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Whether the video is decoded as a whole or cut into clips.
    #[arg(long, value_enum, default_value_t = Mode::Whole)]
    pub mode: Mode,
    /// Frames of a clip [default: MODEL.SeqFormer.CLIP_LENGTH].
    #[arg(long, value_name = "FRAMES")]
    pub clip_length: Option<NonZeroUsize>,
    /// Frames from the start of a clip to that of the next [default: MODEL.SeqFormer.CLIP_STRIDE].
    #[arg(long, value_name = "FRAMES")]
    pub clip_stride: Option<NonZeroUsize>,
    /// Runs that count; one more before them does not.
    #[arg(long, value_name = "K", default_value = "3")]
    pub runs: NonZeroUsize,
    /// Runs the network only, not the whole of `predict`.
    #[arg(long)]
    pub model_only: bool,
    /// Writes all numbers as JSON to this file; - is standard output, and the table goes to standard error
    /// then.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// The ffmpeg program that reads and writes video files.
    #[arg(long, value_name = "FILE")]
    pub ffmpeg: Option<PathBuf>,
    /// How the network is run.
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// KEY VALUE pairs that override the configuration.
    #[arg(value_name = "KEY VALUE", allow_negative_numbers = true)]
    pub opts: Vec<String>,
}

/// Image networks by the names that papers use.
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

/// How a video goes through the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// All frames are decoded together.
    Whole,
    /// In clips that overlap.
    Clip,
}

const BENCH_HELP: &str = "\
Measures three things and prints them as a table:
  model       decoded frames in memory to class scores and mask logits
  end to end  what `predict` does with an mp4: decoding, network, masks, run lengths, overlay, files
  machine     rates of matrix products and of reading memory, with as many threads

docs/performance.md says what each number means.

Example:
  seqformer bench --frames 10 --size 640x360 --backbone r50 --precision bf16 --runs 3 --json -";

fn size(text: &str) -> Result<ImageSize, String> {
    let wrong = || "expected width and height, as in 640x360".to_owned();
    let (width, height) = text.split_once('x').ok_or_else(wrong)?;
    let side =
        |text: &str| text.parse().ok().filter(|side| (1..=16384).contains(side)).ok_or_else(wrong);
    Ok(ImageSize { width: side(width)?, height: side(height)? })
}
