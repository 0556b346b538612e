//! The command line, close to what is typed, without logic.

mod bench;
mod compute;
mod data;
mod train;
mod weights;
mod words;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use seqformer_config::DeviceChoice;

pub use bench::{BackboneChoice, BenchArgs, Mode};
pub use compute::{ComputeArgs, PrecisionChoice};
pub use data::{CocoToYtvisArgs, DataArgs, DataCommand, TargetClasses};
pub use train::{Layout, SynthArgs, TrainArgs, TrainCommandArgs};
pub use weights::{ConvertArgs, DiffArgs, InspectArgs, WeightsArgs, WeightsCommand};
pub use words::words;

/// Video instance segmentation with SeqFormer: finds every object of a video, says what it is, and
/// draws its mask through all frames.
#[derive(Debug, Parser)]
#[command(name = "seqformer", version, propagate_version = true)]
pub struct Cli {
    /// More messages: -v for information, -vv for details.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Those that run the network.
    #[command(flatten)]
    Compute(ComputeCommand),
    /// The others.
    #[command(flatten)]
    Tool(ToolCommand),
}

/// The commands that run the network, and so need libtorch.
#[derive(Debug, Subcommand)]
pub enum ComputeCommand {
    /// Finds the objects of videos and draws them.
    Predict(PredictArgs),
    /// Trains a model, or evaluates one.
    Train(TrainCommandArgs),
    /// Evaluates a model on DATASETS.TEST: the same as `train --eval-only`.
    Eval(EvalArgs),
    /// Measures how fast the network and the whole of `predict` are here, and how much memory they take.
    Bench(BenchArgs),
}

/// The commands that need no network.
#[derive(Debug, Subcommand)]
pub enum ToolCommand {
    /// Writes a synthetic dataset of moving shapes.
    Synth(SynthArgs),
    /// Scores results against annotations as the YouTube-VIS server or COCO does: AP and AR.
    Score(ScoreArgs),
    /// Looks into weight files, translates and compares them.
    Weights(WeightsArgs),
    /// Makes annotation files out of others.
    Data(DataArgs),
    /// Prints the whole configuration that a file and KEY VALUE pairs give, or all keys with their meaning.
    Config(ConfigArgs),
    /// Prints the completions of a shell, for its start-up file or its folder of completions.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Arguments of `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// A YAML file with detectron2's keys [default: none, which prints the defaults].
    #[arg(long, value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Prints every key with its default and what it does, as Markdown.
    #[arg(long, conflicts_with = "config_file")]
    pub keys: bool,
    /// KEY VALUE pairs that override the configuration.
    #[arg(value_name = "KEY VALUE", allow_negative_numbers = true)]
    pub opts: Vec<String>,
}

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Those of `train`.
    #[command(flatten)]
    pub train: TrainArgs,
    /// How the network is run.
    #[command(flatten)]
    pub compute: ComputeArgs,
}

/// Arguments of `predict`.
#[derive(Debug, Args)]
#[command(after_help = PREDICT_HELP)]
pub struct PredictArgs {
    /// Configuration of the model, a YAML file with detectron2's keys.
    #[arg(long, value_name = "FILE")]
    pub config_file: PathBuf,
    /// Checkpoint: .pth, .pkl or .safetensors [default: MODEL.WEIGHTS of the configuration].
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Folder for the results; made if need be. The same command given again goes on where it ended, and results of
    /// another one are moved aside.
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Replaces what is in that folder under the names of the results, instead of going on or moving it aside; never
    /// an input.
    #[arg(long)]
    pub overwrite: bool,
    /// Where to compute: auto, cpu, cuda or cuda:N [default: MODEL.DEVICE if it is set, otherwise auto].
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Keeps results whose score is above this [default: MODEL.SeqFormer.APPLY_CLS_THRES].
    #[arg(long, value_name = "SCORE", value_parser = score)]
    pub score_threshold: Option<f64>,
    /// Keeps at most this many objects of a video, best first; of a clip where videos are cut.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_tracks: u32,
    /// Cuts videos into overlapping clips of this many frames and tracks objects through them: a video of
    /// any length runs in little memory, and frames are done while it is still being read
    /// [default: MODEL.SeqFormer.CLIP_LENGTH if CLIP_MATCHING is on, otherwise whole videos].
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u32).range(1..))]
    pub clip_length: Option<u32>,
    /// Frames from the start of a clip to that of the next; implies clips
    /// [default: MODEL.SeqFormer.CLIP_STRIDE].
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u32).range(1..))]
    pub clip_stride: Option<u32>,
    /// Names of the classes: a text file with one name a line, or a JSON file with `categories`
    /// [default: those of the built-in dataset that the configuration names].
    #[arg(long, value_name = "FILE")]
    pub classes: Option<PathBuf>,
    /// Writes no pictures.
    #[arg(long)]
    pub no_overlay: bool,
    /// Draws objects whose score is above this.
    #[arg(long, value_name = "SCORE", default_value_t = 0.3, value_parser = score)]
    pub overlay_threshold: f64,
    /// The ffmpeg program that reads and writes video files.
    #[arg(long, value_name = "FILE")]
    pub ffmpeg: Option<PathBuf>,
    /// How the network is run.
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// Prints a summary as JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Folders of images, video files, or - for PPM pictures on standard input; then KEY VALUE pairs that override the configuration.
    #[arg(value_name = "INPUT... [KEY VALUE ...]", required = true, allow_negative_numbers = true)]
    pub inputs: Vec<String>,
}

const PREDICT_HELP: &str = "\
Writes into DIR:
  results.json   all results in the format of the YouTube-VIS server
  tracks.jsonl   one line for each object: class, score, box and area on every frame
  videos.json    which input each video_id is, and what became of it
  NAME.frames.jsonl  with clips: one line for each frame, written as soon as its masks are final
  NAME.mp4       each video with its objects drawn over it (NAME.gif without ffmpeg)
  NAME/          the same, frame by frame

A name that is taken, by the input or by a file of yours, becomes NAME_overlay. Results of an earlier run
with other inputs or settings are kept in DIR/earlier_1, and so on.

Example:
  seqformer predict --config-file configs/base_ytvis.yaml --weights model_final.pth \\
      --output found street.mp4 MODEL.SeqFormer.NUM_CLASSES 40

A camera, while it runs:
  ffmpeg -i CAMERA -f image2pipe -c:v ppm -pix_fmt rgb24 - | seqformer predict \\
      --config-file configs/base_ytvis.yaml --weights model_final.pth --clip-length 5 --output found -";

/// Arguments of `score`.
#[derive(Debug, Args)]
#[command(after_help = SCORE_HELP)]
pub struct ScoreArgs {
    /// The annotations, a JSON file as YouTube-VIS, OVIS or COCO have them.
    #[arg(long, value_name = "FILE")]
    pub gt: PathBuf,
    /// The results, a JSON file as `seqformer predict` writes it, or a list of COCO results.
    #[arg(long, value_name = "FILE")]
    pub results: PathBuf,
    /// The benchmark whose rules count [default: coco if the annotations have `images`, ytvis if they
    /// have `videos`].
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    pub benchmark: Option<Benchmark>,
    /// What is compared, with coco [default: mask if all results have one, otherwise box].
    #[arg(long, value_name = "KIND", value_enum)]
    pub iou: Option<Iou>,
    /// Writes all numbers to this JSON file, too; - is standard output.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Prints a line for each class, too.
    #[arg(long)]
    pub per_class: bool,
    /// Checks every result first, and lists all that is wrong instead of scoring; a file without
    /// annotations, as the servers give it, will do.
    #[arg(long)]
    pub check: bool,
}

/// Whose rules count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Benchmark {
    /// Tracks in videos, as YouTube-VIS and OVIS score them.
    Ytvis,
    /// Objects in single images, as COCO scores them.
    Coco,
}

/// What is compared of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Iou {
    /// The pixels of masks.
    Mask,
    /// Boxes.
    Box,
}

const SCORE_HELP: &str = "\
The twelve numbers are those of the official tools, to the last digit, from 0 to 1; -1 means that
there is nothing to be found. The JSON file has them as `stats` in the printed order, and the AP of
each class with annotations or results as `per_class`.

Like pycocotools, --iou mask tells small results from large ones by the area of their boxes if the
first result has a box. detectron2, and `eval` and `train` with it, leave the boxes out: do the same
to compare with their numbers.

Before results go to a server:
  seqformer score --gt valid.json --results results.json --check";

fn score(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(score) if (0.0..=1.0).contains(&score) => Ok(score),
        _ => Err("expected a number from 0 to 1".to_owned()),
    }
}
