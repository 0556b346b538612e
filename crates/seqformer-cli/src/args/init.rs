//! Arguments of `init`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use seqformer_config::DeviceChoice;
use seqformer_convert::Format;
use seqformer_masks::ImageSize;

use super::data::{formats, image_size};

/// Arguments of `init`.
#[derive(Debug, Args)]
#[command(after_help = INIT_HELP)]
pub struct InitArgs {
    /// The annotations: a file or a folder, in any format of docs/data.md.
    #[arg(long, value_name = "ANNOTATIONS")]
    pub data: PathBuf,
    /// The folder that the file names of the annotations are relative to, or the one with the video files.
    #[arg(long, value_name = "DIR")]
    pub frames: PathBuf,
    /// New folder for the configuration [default: seqformer_NAME, after the annotations; with a number if it is there].
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Weights to start from: a file (.pth, .pkl or .safetensors), the name of a model (`seqformer models list`), or an
    /// address. The network is that of the weights [default: random numbers].
    #[arg(long, value_name = "MODEL")]
    pub weights: Option<String>,
    /// The network that starts from random numbers.
    #[arg(long, value_enum, default_value_t = NetworkChoice::Small, conflicts_with = "weights")]
    pub network: NetworkChoice,
    /// Share of the videos that is held back for validation.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = share)]
    pub val_share: f64,
    /// Decides which videos these are; also the seed of the training.
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..i64::MAX as u64))]
    pub seed: u64,
    /// Short edge of frames in evaluation, in pixels; sizes in training lie around it [default: that of the recipe, or of the
    /// frames if they are smaller].
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(32..=4096))]
    pub short_edge: Option<u32>,
    /// Clips of a batch; the learning rate follows it [default: as in the recipe, halved until an iteration takes 10 seconds
    /// at most].
    #[arg(long, value_name = "CLIPS", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub batch: Option<u32>,
    /// Iterations of the training [default: every video is drawn as often as in the recipes].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub iterations: Option<u64>,
    /// Device of the training: auto, cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Time no iterations: neither hours nor memory are known then, and the batch is two clips unless --batch says otherwise.
    #[arg(long)]
    pub no_timing: bool,
    /// The format of the annotations [default: told by what is in the files].
    #[arg(long, value_name = "FORMAT", value_parser = formats(Format::ALL.to_vec()))]
    pub from: Option<Format>,
    /// The size of all frames, where neither the annotations nor the images tell it.
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = image_size)]
    pub size: Option<ImageSize>,
    /// Takes all pixels of a box for the mask, where an object has nothing but a box.
    #[arg(long)]
    pub boxes_as_masks: bool,
    /// ffmpeg executable, which reads video files.
    #[arg(long, value_name = "FILE")]
    pub ffmpeg: Option<PathBuf>,
}

/// Networks that can start from random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NetworkChoice {
    /// A quarter of the width and half of the layers: trains on a CPU.
    Small,
    /// ResNet-50 and the transformer of the paper.
    R50,
}

const INIT_HELP: &str = "\
Writes into the new folder:
  config.yaml   what a user would tune, with comments
  base.yaml     the network and the rest of the recipe
  train.json, val.json   the annotations of the videos for training and for validation
  frames/       frames of video files
The training writes into its folder run/.

A few iterations are timed on this machine, in less than a minute. docs/own-data.md leads from annotations to a model.

Example:
  seqformer init --data annotations.xml --frames street --output street_model --weights r50_weight.pth
  seqformer train --config-file street_model/config.yaml";

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("expected a share between 0 and 1, as in 0.2".to_owned()),
    }
}
