//! Arguments of `results`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use seqformer_export::Kind;

use super::score;

/// Arguments of `results`.
#[derive(Debug, Args)]
pub struct ResultsArgs {
    /// The command.
    #[command(subcommand)]
    pub command: ResultsCommand,
}

/// The commands of `results`.
#[derive(Debug, Subcommand)]
pub enum ResultsCommand {
    /// Write results as files of other tools: CVAT, labelme, COCO, DAVIS, MOTS, a table, cut-out objects, films of masks.
    Convert(ResultsConvertArgs),
}

/// Arguments of `results convert`.
#[derive(Debug, Args)]
#[command(after_help = CONVERT_HELP)]
pub struct ResultsConvertArgs {
    /// The results: a folder of `seqformer predict`, or a results file in the format of YouTube-VIS.
    #[arg(long, value_name = "R")]
    pub results: PathBuf,
    /// What to write.
    #[arg(long, value_name = "KIND", value_parser = kinds())]
    pub to: Kind,
    /// Where to write: a file for ytvis, coco, cocovid and csv, and for a mask-video whose name ends in .mp4 or .gif;
    /// otherwise a new folder.
    #[arg(long, value_name = "OUT")]
    pub output: PathBuf,
    /// Annotations of YouTube-VIS, which list the videos and classes of the results.
    #[arg(long, value_name = "FILE", conflicts_with = "videos")]
    pub gt: Option<PathBuf>,
    /// The folder of the images that the annotations name, for cut-outs.
    #[arg(long, value_name = "DIR", requires = "gt")]
    pub images: Option<PathBuf>,
    /// The videos, in the order of their numbers [default: those of videos.json beside the results].
    #[arg(long, value_name = "INPUT", num_args = 1..)]
    pub videos: Vec<PathBuf>,
    /// Keep objects whose score exceeds this [default: all].
    #[arg(long, value_name = "SCORE", value_parser = score)]
    pub score_threshold: Option<f64>,
    /// Keep at most this many objects per video, best first [default: all].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_tracks: Option<u32>,
    /// Replaces a file that is already there; never a folder with files in it, and never what is read.
    #[arg(long)]
    pub overwrite: bool,
    /// ffmpeg executable, which reads and writes video files.
    #[arg(long, value_name = "FILE")]
    pub ffmpeg: Option<PathBuf>,
}

/// Reads the name of a kind of files for results.
pub(super) fn kinds() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(Kind::ALL.map(Kind::name)).try_map(|name| name.parse::<Kind>())
}

const CONVERT_HELP: &str = "\
What a kind cannot hold is counted on standard error: where a pixel has one object (png, mots, mask-video), it goes to the
one with the better score. docs/data.md has a table of all kinds.

Objects of a video, to be corrected in CVAT and taken back:
  seqformer results convert --results found --to cvat --score-threshold 0.3 --output found_cvat
  seqformer data convert --to ytvis corrected/annotations.xml --output corrected.json";
