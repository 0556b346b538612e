//! Arguments of `data`.

mod curation;

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use seqformer_convert::Format;
use seqformer_masks::ImageSize;

pub use self::curation::{
    DataFramesArgs, DataMergeArgs, DataSplitArgs, DataStatsArgs, DataSubsetArgs, ReadArgs,
    SourceArgs,
};
use super::DataBrowseArgs;

/// Arguments of `data`.
#[derive(Debug, Args)]
pub struct DataArgs {
    /// The command.
    #[command(subcommand)]
    pub command: DataCommand,
}

/// The commands of `data`.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Write the COCO objects whose classes exist in a video dataset, with that dataset's classes.
    CocoToYtvis(CocoToYtvisArgs),
    /// Translates annotations of other tools and datasets: YouTube-VIS, COCO, CVAT, labelme, DAVIS, MOTS, YOLO, …
    Convert(DataConvertArgs),
    /// Shows annotations in a browser: numbers, tables, and a player for masks and tracks.
    Browse(DataBrowseArgs),
    /// Looks for every fault of a YouTube-VIS or COCO file and of its images, and says how to mend it.
    Check(DataCheckArgs),
    /// Draws annotations, results, or the clips of a training as it sees them.
    Show(DataShowArgs),
    /// Counts what a dataset holds: videos, frames, objects of each class, lengths, sizes, occlusion.
    Stats(DataStatsArgs),
    /// Divides a dataset by video, with a share of every class in each part.
    Split(DataSplitArgs),
    /// Joins datasets, with their classes by name.
    Merge(DataMergeArgs),
    /// Keeps some classes, videos or frames of a dataset.
    Subset(DataSubsetArgs),
    /// Turns films into folders of frames, and a folder of images into a film.
    Frames(DataFramesArgs),
}

/// Arguments of `data show`.
#[derive(Debug, Args)]
#[command(after_help = SHOW_HELP)]
pub struct DataShowArgs {
    /// Configuration of a training, whose augmented clips are drawn instead of a file.
    #[arg(long, value_name = "CONFIG", conflicts_with_all = ["images", "results", "videos"])]
    pub config_file: Option<PathBuf>,
    /// Folder for the pictures or films; created if missing.
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// The folder of the images [default: JPEGImages beside the file, or as for DATASETS.TRAIN].
    #[arg(long, value_name = "DIR")]
    pub images: Option<PathBuf>,
    /// Draws these results instead of the annotations: a results file of YouTube-VIS or COCO.
    #[arg(long, value_name = "FILE")]
    pub results: Option<PathBuf>,
    /// Draws results whose score exceeds this.
    #[arg(long, value_name = "SCORE", default_value_t = 0.3, requires = "results", value_parser = super::score)]
    pub score_threshold: f64,
    /// The ids of the videos or images to draw [default: the first ones].
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub videos: Vec<String>,
    /// How many videos, images or clips are drawn.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
    /// Writes a film of each video or clip (mp4, or GIF without ffmpeg) instead of a folder of pictures.
    #[arg(long)]
    pub film: bool,
    /// Font for labels: a TrueType or OpenType file [default: the built-in one, and those of the system for what it lacks].
    #[arg(long, value_name = "FILE")]
    pub font: Option<PathBuf>,
    /// ffmpeg executable, which writes films.
    #[arg(long, value_name = "FILE")]
    pub ffmpeg: Option<PathBuf>,
    /// Replaces what is already there; never what is read.
    #[arg(long)]
    pub overwrite: bool,
    /// The annotations, a YouTube-VIS or COCO file; with --config-file, KEY VALUE pairs that override it.
    #[arg(value_name = "FILE | KEY VALUE", allow_negative_numbers = true)]
    pub words: Vec<String>,
}

const SHOW_HELP: &str = "\
Writes video_ID/ for each video, image_ID.jpg for each image, or clip_N/ for each clip, and prints a line about each.
Clips come in the order of a training with the same SEED (0 if there is none), cropped, resized, mirrored and coloured
as the network gets them.

Examples:
  seqformer data show train.json --output shown --film
  seqformer data show valid.json --results results.json --output shown --videos 3,7
  seqformer data show --config-file configs/joint/ytvis_2019/r50.yaml --output shown SEED 1";

/// Arguments of `data check`.
#[derive(Debug, Args)]
#[command(after_help = CHECK_HELP)]
pub struct DataCheckArgs {
    /// The annotations: a YouTube-VIS, OVIS, LV-VIS, COCO or CocoVID file, or a zip archive with one.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The folder of the images, every one of which is opened [default: images are left alone].
    #[arg(long, value_name = "DIR")]
    pub images: Option<PathBuf>,
    /// Writes the annotations to this file, with all mended that needs no guess.
    #[arg(long, value_name = "OUT")]
    pub fix: Option<PathBuf>,
    /// Replaces a file that is already there; never the one that is read.
    #[arg(long, requires = "fix")]
    pub overwrite: bool,
    /// Prints the faults as JSON instead of lines.
    #[arg(long)]
    pub json: bool,
}

const CHECK_HELP: &str = "\
A warning is something that is not what it seems; an error is where reading fails or an entry is of no use. Errors
make the command fail.

--fix writes null for masks without pixels, takes boxes and areas from the masks, gives annotations ids that differ,
and takes missing sizes of videos from their frames. Masks, classes and videos are never changed or removed.

Example:
  seqformer data check train.json --images JPEGImages --fix mended.json";

/// Arguments of `data convert`.
#[derive(Debug, Args)]
#[command(after_help = CONVERT_HELP)]
pub struct DataConvertArgs {
    /// The annotations: a file, a folder or a zip archive.
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// The format to write.
    #[arg(long, value_name = "FORMAT", value_parser = formats(writable()))]
    pub to: Format,
    /// Where to write: a file, or a new folder for formats that consist of many files.
    #[arg(long, value_name = "OUT")]
    pub output: PathBuf,
    /// Replaces a file that is already there; never a folder with files in it, and never what is read.
    #[arg(long)]
    pub overwrite: bool,
    /// How they are read.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Takes all pixels of a box for the mask, where an object has nothing but a box.
    #[arg(long)]
    pub boxes_as_masks: bool,
}

pub(super) fn formats(formats: Vec<Format>) -> impl TypedValueParser<Value = Format> {
    let names: Vec<&'static str> = formats.into_iter().map(Format::name).collect();
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Format>())
}

fn writable() -> Vec<Format> {
    Format::ALL.into_iter().filter(|format| format.writer().is_some()).collect()
}

pub(super) fn image_size(text: &str) -> Result<ImageSize, String> {
    let side = |side: &str| side.trim().parse::<u32>().ok().filter(|&side| side > 0);
    let size = text.split_once(['x', 'X']).and_then(|(width, height)| {
        ImageSize { height: side(height)?, width: side(width)? }.checked().ok()
    });
    size.ok_or_else(|| "expected the width and height in pixels, such as 1280x720".to_owned())
}

const CONVERT_HELP: &str = "\
What a format cannot hold (identity, overlap, classes, marks) is counted on standard error. docs/data.md has
a table of all formats.

From CVAT, and back:
  seqformer data convert --to ytvis street/annotations.xml --output street.json
  seqformer data convert --to cvat street.json --output street_cvat";

/// Arguments of `data coco-to-ytvis`.
#[derive(Debug, Args)]
#[command(after_help = COCO_TO_YTVIS_HELP)]
pub struct CocoToYtvisArgs {
    /// Annotations of COCO, such as instances_train2017.json.
    #[arg(long, value_name = "FILE")]
    pub json: PathBuf,
    /// File for the subset.
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace an existing file, but never the input.
    #[arg(long)]
    pub overwrite: bool,
    /// Dataset whose classes the objects get.
    #[arg(long, value_enum, default_value_t = TargetClasses::Ytvis2019)]
    pub classes: TargetClasses,
    /// Use the table of classes that the published weights were trained with, including its mistakes: a computer mouse
    /// becomes a fox in 2019 and a mouse in 2021, and a frisbee is not a flying disc.
    #[arg(long)]
    pub reference_table: bool,
}

/// Datasets whose classes COCO objects can get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetClasses {
    /// YouTube-VIS 2019.
    #[value(name = "ytvis_2019")]
    Ytvis2019,
    /// YouTube-VIS 2021 and 2022.
    #[value(name = "ytvis_2021")]
    Ytvis2021,
    /// OVIS.
    Ovis,
}

const COCO_TO_YTVIS_HELP: &str = "\
The built-in datasets coco2ytvis2019_train, coco2ytvis2021_train and coco2ovis_train refer to such files:
  seqformer data coco-to-ytvis --json datasets/coco/annotations/instances_train2017.json \\
      --output datasets/coco/annotations/coco2ytvis2019_train.json --classes ytvis_2019

Joint training then specifies both datasets and their ratio:
  seqformer train --config-file configs/base_ytvis.yaml \\
      DATASETS.TRAIN \"('ytvis_2019_train', 'coco2ytvis2019_train')\" DATASETS.DATASET_RATIO '[0.5, 0.5]'";
