//! The command line as typed, without logic.

mod bench;
mod compute;
mod data;
mod init;
mod models;
mod report;
mod results;
mod score;
mod synth;
mod train;
mod weights;
mod words;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;
use seqformer_config::DeviceChoice;
use seqformer_export::Kind;

pub use bench::{BackboneChoice, BenchArgs, Mode};
pub use compute::{ComputeArgs, PrecisionChoice};
pub use data::{
    CocoToYtvisArgs, DataArgs, DataCheckArgs, DataCommand, DataConvertArgs, DataFramesArgs,
    DataMergeArgs, DataShowArgs, DataSplitArgs, DataStatsArgs, DataSubsetArgs, ReadArgs,
    SourceArgs, TargetClasses,
};
pub use init::{InitArgs, NetworkChoice};
pub use models::{
    CardArgs, InfoArgs, ListArgs, ModelsArgs, ModelsCommand, PullArgs, PushFolderArgs, RemoveArgs,
};
pub use report::{DataBrowseArgs, PageArgs, ReportArgs};
pub use results::{ResultsArgs, ResultsCommand, ResultsConvertArgs};
pub use score::{Benchmark, EmptyMasksChoice, Iou, MetricChoice, ScoreArgs};
pub use synth::{FrameSize, Layout, SynthArgs};
pub use train::{TrainArgs, TrainCommandArgs};
pub use weights::{ConvertArgs, DiffArgs, InspectArgs, MergeArgs, WeightsArgs, WeightsCommand};
pub use words::words;

/// Video instance segmentation with SeqFormer: finds every object of a video, classifies it, and
/// draws its mask in all frames.
#[derive(Debug, Parser)]
#[command(name = "seqformer", version, propagate_version = true)]
pub struct Cli {
    /// Print more messages: -v for information, -vv for details.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Commands that run the network.
    #[command(flatten)]
    Compute(ComputeCommand),
    /// All other commands.
    #[command(flatten)]
    Tool(ToolCommand),
}

/// The commands that run the network and need libtorch.
#[derive(Debug, Subcommand)]
pub enum ComputeCommand {
    /// Find the objects of videos and draw them.
    Predict(PredictArgs),
    /// Train or evaluate a model.
    Train(TrainCommandArgs),
    /// Evaluate a model on DATASETS.TEST, like `train --eval-only`.
    Eval(EvalArgs),
    /// Measure the speed and memory use of the network and of `predict` on this machine.
    Bench(BenchArgs),
}

/// The commands that need no network.
#[derive(Debug, Subcommand)]
pub enum ToolCommand {
    /// Write a synthetic dataset of moving shapes, or of moving cut-outs of annotated pictures.
    Synth(SynthArgs),
    /// Score results against annotations by the rules of YouTube-VIS or COCO: AP and AR.
    Score(ScoreArgs),
    /// Shows results in a browser: numbers, plots, tables, and a player for masks and tracks.
    Report(ReportArgs),
    /// Inspect, convert and compare weight files.
    Weights(WeightsArgs),
    /// Fetch, list and describe models by name.
    Models(ModelsArgs),
    /// Make a configuration that trains, from annotations and frames.
    Init(InitArgs),
    /// Convert and check annotations of videos and images.
    Data(DataArgs),
    /// Convert results to files of other tools.
    Results(ResultsArgs),
    /// Print the resolved configuration, or all keys with their meaning.
    Config(ConfigArgs),
    /// Print shell completions.
    Completions {
        /// Shell to complete for.
        shell: Shell,
    },
}

/// Arguments of `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// YAML file with detectron2's keys [default: none; the default configuration is printed].
    #[arg(long, value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Print every key with its default and description, as Markdown.
    #[arg(long, conflicts_with = "config_file")]
    pub keys: bool,
    /// KEY VALUE pairs that override the configuration.
    #[arg(value_name = "KEY VALUE", allow_negative_numbers = true)]
    pub opts: Vec<String>,
}

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Arguments shared with `train`.
    #[command(flatten)]
    pub train: TrainArgs,
    /// Threads, precision and memory.
    #[command(flatten)]
    pub compute: ComputeArgs,
}

/// Arguments of `predict`.
#[derive(Debug, Args)]
#[command(after_help = PREDICT_HELP)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct PredictArgs {
    /// Configuration of the model: a YAML file with detectron2's keys [default: the one in the weights, or what follows from
    /// their tensors].
    #[arg(long, value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Checkpoint: a file (.pth, .pkl or .safetensors), the name of a model (`seqformer models list`), or an address: hf://,
    /// https://, http:// or detectron2:// [default: MODEL.WEIGHTS of the configuration; without a configuration, the model that
    /// is included].
    #[arg(long, value_name = "MODEL")]
    pub weights: Option<PathBuf>,
    /// Folder for the results; created if missing. Repeating the command resumes it; results of a different command are
    /// moved aside [default: a new folder, output/predict/NAME of the first input, or NAME_2 and so on].
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Replace existing files of that folder instead of resuming or moving them aside. Inputs are never replaced.
    #[arg(long, requires = "output")]
    pub overwrite: bool,
    /// Device: auto, cpu, cuda or cuda:N [default: MODEL.DEVICE if set, otherwise auto].
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Keep results whose score exceeds this [default: MODEL.SeqFormer.APPLY_CLS_THRES].
    #[arg(long, value_name = "SCORE", value_parser = score)]
    pub score_threshold: Option<f64>,
    /// Keep at most this many objects per video, best first; with clips, per clip.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_tracks: u32,
    /// Split videos into overlapping clips of this many frames and track objects through them. Videos of any
    /// length then need little memory, and frames are written while the video is still being read
    /// [default: MODEL.SeqFormer.CLIP_LENGTH if CLIP_MATCHING is on, otherwise whole videos].
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u32).range(1..))]
    pub clip_length: Option<u32>,
    /// Frames from the start of a clip to the start of the next; implies clips
    /// [default: MODEL.SeqFormer.CLIP_STRIDE].
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u32).range(1..))]
    pub clip_stride: Option<u32>,
    /// Class names: a text file with one name per line, a JSON file with `categories`, or ytvis_2019, ytvis_2021, ovis or
    /// coco [default: those of the built-in dataset in the configuration, or those in the weights].
    #[arg(long, value_name = "FILE")]
    pub classes: Option<PathBuf>,
    /// Write no overlays.
    #[arg(long)]
    pub no_overlay: bool,
    /// Draw objects whose score exceeds this.
    #[arg(long, value_name = "SCORE", default_value_t = 0.3, value_parser = score)]
    pub overlay_threshold: f64,
    /// Draw only the best of several tracks that are one object: of those whose masks overlap by more than this, as
    /// intersection over union over the whole video. 1 draws all. Results are not affected.
    #[arg(long, value_name = "IOU", default_value_t = 0.5, value_parser = score)]
    pub overlay_max_overlap: f64,
    /// Also write NAME.sheet.jpg: up to eight frames of the overlay, evenly spread over the video, in one picture.
    #[arg(long, conflicts_with = "no_overlay")]
    pub contact_sheet: bool,
    /// Also write objects as files of other tools, one or several kinds with commas in between, as NAME.KIND.
    #[arg(long, value_name = "KIND,...", value_delimiter = ',', value_parser = results::kinds())]
    pub save: Vec<Kind>,
    /// Save objects whose score exceeds this.
    #[arg(long, value_name = "SCORE", default_value_t = 0.3, value_parser = score)]
    pub save_threshold: f64,
    /// Font for labels: a TrueType or OpenType file [default: the built-in one, and those of the system for what it lacks].
    #[arg(long, value_name = "FILE")]
    pub font: Option<PathBuf>,
    /// ffmpeg executable, which reads and writes video files.
    #[arg(long, value_name = "FILE")]
    pub ffmpeg: Option<PathBuf>,
    /// Threads, precision and memory.
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// Print the summary as JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Folders of images, video files, or - for PPM images on standard input; then KEY VALUE pairs that override the configuration.
    #[arg(value_name = "INPUT... [KEY VALUE ...]", required = true, allow_negative_numbers = true)]
    pub inputs: Vec<String>,
}

const PREDICT_HELP: &str = "\
Writes into DIR:
  results.json   all results in the format of the YouTube-VIS server
  tracks.jsonl   one line per object: class, score, box and area in every frame
  videos.json    the input of each video_id, and whether it succeeded
  NAME.frames.jsonl  with clips: one line per frame, written as soon as its masks are final
  NAME.mp4       the video with its objects drawn over it (NAME.gif without ffmpeg)
  NAME.sheet.jpg  with --contact-sheet: some of its frames in one picture
  NAME/          the same, frame by frame
  NAME.csv, NAME.cvat/, …  with --save: objects as files of other tools (docs/predict.md has a table)

If the name of an input or of another existing file is in the way, NAME becomes NAME_overlay. Results of an
earlier run with other inputs or settings are kept in DIR/earlier_1, and so on.

Examples:
  seqformer predict street.mp4
  seqformer predict --weights model_final.pth street.mp4
  seqformer predict --config-file configs/base_ytvis.yaml --weights model_final.pth \\
      --output found street.mp4 frames/bedroom MODEL.SeqFormer.APPLY_CLS_THRES 0.1

docs/weights.md says which weights load, and how to get them.

Live, from a camera:
  ffmpeg -i CAMERA -f image2pipe -c:v ppm -pix_fmt rgb24 - | seqformer predict \\
      --weights model_final.pth --clip-length 5 --output found -";

fn score(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(score) if (0.0..=1.0).contains(&score) => Ok(score),
        _ => Err("expected a number from 0 to 1".to_owned()),
    }
}
