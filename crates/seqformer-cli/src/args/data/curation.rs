//! How `data` reads datasets, and the arguments of `data stats`, `split`, `merge`, `subset` and `frames`.

use std::path::PathBuf;

use clap::Args;
use seqformer_convert::Format;
use seqformer_masks::ImageSize;

use super::{formats, image_size};

/// How a dataset is read.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// Their format [default: told by what is in the files].
    #[arg(long, value_name = "FORMAT", value_parser = formats(Format::ALL.to_vec()))]
    pub from: Option<Format>,
    /// The size of all frames, where neither the annotations nor the images tell it.
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = image_size)]
    pub size: Option<ImageSize>,
}

/// How one dataset is read, with the folder of its images.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// The format and size.
    #[command(flatten)]
    pub read: ReadArgs,
    /// The folder of the images, which tells sizes and names of frames where the format leaves them out.
    #[arg(long, value_name = "DIR")]
    pub images: Option<PathBuf>,
}

/// Arguments of `data stats`.
#[derive(Debug, Args)]
pub struct DataStatsArgs {
    /// The annotations, in any format of `data convert`: a file, a folder or a zip archive.
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// How they are read.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Prints all numbers as JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `data split`.
#[derive(Debug, Args)]
#[command(after_help = SPLIT_HELP)]
pub struct DataSplitArgs {
    /// The annotations, in any format of `data convert`.
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// The parts and their shares: names of files and numbers, separated by commas.
    #[arg(long, value_name = "NAME=SHARE,…", value_delimiter = ',', required = true, value_parser = part)]
    pub parts: Vec<(String, f64)>,
    /// The folder for the files NAME.json; created if missing.
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Another seed gives other parts.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Replaces files that are already there; never what is read.
    #[arg(long)]
    pub overwrite: bool,
    /// How they are read.
    #[command(flatten)]
    pub source: SourceArgs,
}

const SPLIT_HELP: &str = "\
A video goes into one part with all its objects, and every part gets its share of the videos of each class. The same
seed gives the same parts.

Example:
  seqformer data split all.json --parts train=80,val=20 --output splits";

/// Arguments of `data merge`.
#[derive(Debug, Args)]
#[command(after_help = MERGE_HELP)]
pub struct DataMergeArgs {
    /// The annotations of two datasets or more, each in any format of `data convert`.
    #[arg(value_name = "IN", num_args = 2.., required = true)]
    pub inputs: Vec<PathBuf>,
    /// The file to write.
    #[arg(long, value_name = "OUT")]
    pub output: PathBuf,
    /// The folder of the images of each dataset, once for each in their order; names of frames then start from the
    /// folder around them all.
    #[arg(long, value_name = "DIR")]
    pub images: Vec<PathBuf>,
    /// Gives a class another name, that of another dataset for instance; may be repeated.
    #[arg(long, value_name = "OLD=NEW", value_parser = rename)]
    pub rename: Vec<(String, String)>,
    /// Replaces a file that is already there; never what is read.
    #[arg(long)]
    pub overwrite: bool,
    /// The format and size.
    #[command(flatten)]
    pub read: ReadArgs,
}

const MERGE_HELP: &str = "\
Classes of the same name become one; they keep their numbers as far as these differ. Videos and objects are numbered
from 1.

Example:
  seqformer data merge day/train.json night/train.json --images day/JPEGImages --images night/JPEGImages \\
      --rename automobile=car --output all.json";

/// Arguments of `data subset`.
#[derive(Debug, Args)]
#[command(after_help = SUBSET_HELP)]
pub struct DataSubsetArgs {
    /// The annotations, in any format of `data convert`.
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// The file to write.
    #[arg(long, value_name = "OUT")]
    pub output: PathBuf,
    /// Keeps these classes, separated by commas [default: all].
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub classes: Vec<String>,
    /// Keeps videos of this name: the folder of their frames, in which * and ? stand for other characters. May be
    /// repeated [default: all].
    #[arg(long, value_name = "PATTERN")]
    pub videos: Vec<String>,
    /// Keeps the first of every N frames.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub every: u32,
    /// Leaves out videos in which no object is left.
    #[arg(long)]
    pub drop_empty: bool,
    /// Replaces a file that is already there; never what is read.
    #[arg(long)]
    pub overwrite: bool,
    /// How they are read.
    #[command(flatten)]
    pub source: SourceArgs,
}

const SUBSET_HELP: &str = "\
Example:
  seqformer data subset train.json --classes person,dog --videos 'street_*' --every 5 --output small.json";

/// Arguments of `data frames`.
#[derive(Debug, Args)]
#[command(after_help = FRAMES_HELP)]
pub struct DataFramesArgs {
    /// Films, or one folder of images.
    #[arg(value_name = "IN", required = true)]
    pub inputs: Vec<PathBuf>,
    /// A folder, in which each film gets a folder of its own for its frames; or a film, NAME.mp4 or NAME.gif.
    #[arg(long, value_name = "OUT")]
    pub output: PathBuf,
    /// Writes the first of every N frames; the names are the numbers that frames have in the film.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub every: u32,
    /// Frames that the film shows in a second.
    #[arg(long, value_name = "N", default_value_t = 10.0)]
    pub fps: f64,
    /// Replaces a film that is already there; never a folder with files in it.
    #[arg(long)]
    pub overwrite: bool,
    /// ffmpeg executable, which reads and writes video files.
    #[arg(long, value_name = "FILE")]
    pub ffmpeg: Option<PathBuf>,
}

const FRAMES_HELP: &str = "\
Films to frames, as JPEGImages/street/00000.jpg, 00005.jpg and so on, and back:
  seqformer data frames street.mp4 park.mp4 --every 5 --output JPEGImages
  seqformer data frames JPEGImages/street --fps 6 --output street.mp4";

fn part(text: &str) -> Result<(String, f64), String> {
    let (name, share) = text.split_once('=').ok_or("expected NAME=SHARE, such as train=80")?;
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
        return Err(format!("expected the name of a file without folders, found {name:?}"));
    }
    match share.trim_end_matches('%').parse::<f64>() {
        Ok(share) if share > 0.0 && share.is_finite() => Ok((name.to_owned(), share)),
        _ => Err(format!("expected a share above 0, such as 80, found {share:?}")),
    }
}

fn rename(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => {
            Ok((old.to_owned(), new.to_owned()))
        }
        _ => Err("expected OLD=NEW, such as automobile=car".to_owned()),
    }
}
