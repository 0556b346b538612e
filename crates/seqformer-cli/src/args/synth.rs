//! Arguments of `synth`.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use seqformer_masks::ImageSize;

/// Arguments of `synth`.
#[derive(Debug, Args)]
#[command(after_help = SYNTH_HELP)]
pub struct SynthArgs {
    /// Make videos of moving cut-outs of these pictures instead of shapes: a COCO file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["val_videos", "classes", "layout"])]
    pub from: Option<PathBuf>,
    /// The folder of the pictures [default: JPEGImages beside the file, or as for DATASETS.TRAIN].
    #[arg(long, value_name = "DIR", requires = "from")]
    pub images: Option<PathBuf>,
    /// Folder for the dataset; created if missing.
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Number of training videos (single images with --layout coco).
    #[arg(long, value_name = "N")]
    pub videos: usize,
    /// Number of validation videos [default: a fifth of --videos, at least one].
    #[arg(long, value_name = "N")]
    pub val_videos: Option<usize>,
    /// Random seed; the same seed gives the same bytes.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// Width and height of the frames; with --from their short side, of the shape of the picture
    /// [default: 160x120; with --from 240].
    #[arg(long, value_name = "WxH|SHORT", value_parser = size)]
    pub size: Option<FrameSize>,
    /// Minimum and maximum number of frames in a video [default: 8..14; with --from 16..24].
    #[arg(long, value_name = "A..B", value_parser = range)]
    pub frames: Option<RangeInclusive<usize>>,
    /// Minimum and maximum number of cut-outs in a video [default: 1..4].
    #[arg(long, value_name = "A..B", value_parser = range, requires = "from")]
    pub objects: Option<RangeInclusive<usize>>,
    /// Threads [default: the available cores]. The videos do not depend on their number.
    #[arg(long, value_name = "N", requires = "from")]
    pub workers: Option<NonZeroUsize>,
    /// Number of shapes, which are the classes.
    #[arg(long, value_name = "K", default_value_t = 6)]
    pub classes: usize,
    /// Folder structure and class names.
    #[arg(long, value_enum, default_value_t = Layout::Plain)]
    pub layout: Layout,
}

/// Folder structure and class names of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// train/JPEGImages, val/JPEGImages and annotations/{train,val}.json.
    Plain,
    /// The folders and classes of YouTube-VIS 2019.
    #[value(name = "ytvis_2019")]
    Ytvis2019,
    /// The folders and classes of YouTube-VIS 2021.
    #[value(name = "ytvis_2021")]
    Ytvis2021,
    /// The folders and classes of OVIS.
    Ovis,
    /// The folders and classes of COCO 2017: single images.
    Coco,
}

/// The size of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameSize {
    /// Height and width.
    Sides(ImageSize),
    /// The short side in pixels.
    Short(u32),
}

const SYNTH_HELP: &str = "\
Without --from, videos of moving shapes: annotations/train.json and val.json, and the frames in train and val.
With --from, objects of pictures are cut out and move over other pictures, whose own objects stay annotated:
train.json and the frames in JPEGImages, in the format of YouTube-VIS, with the classes of the pictures.

Examples:
  seqformer synth --output shapes --videos 100
  seqformer synth --from instances_train2017.json --images train2017 --videos 500 --output moving";

fn size(text: &str) -> Result<FrameSize, String> {
    let size = match text.split_once('x') {
        Some((width, height)) => width
            .parse()
            .ok()
            .zip(height.parse().ok())
            .map(|(width, height)| FrameSize::Sides(ImageSize { height, width })),
        None => text.parse().ok().map(FrameSize::Short),
    };
    size.ok_or_else(|| {
        "expected width and height, as in 160x120, or the short side, as in 240".to_owned()
    })
}

fn range(text: &str) -> Result<RangeInclusive<usize>, String> {
    let ends = text.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    let (low, high) = ends.ok_or_else(|| "expected a range, as in 8..14".to_owned())?;
    if low == 0 || low > high {
        Err("expected a range from at least 1".to_owned())
    } else {
        Ok(low..=high)
    }
}
