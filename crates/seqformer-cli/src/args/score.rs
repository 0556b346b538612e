//! Arguments of `score`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `score`.
#[derive(Debug, Args)]
#[command(after_help = SCORE_HELP)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct ScoreArgs {
    /// Annotations: a JSON file in the format of YouTube-VIS, OVIS or COCO.
    #[arg(long, value_name = "FILE")]
    pub gt: PathBuf,
    /// Results: a JSON file as written by `seqformer predict`, or a list of COCO results.
    #[arg(long, value_name = "FILE")]
    pub results: PathBuf,
    /// Benchmark whose rules apply [default: coco if the annotations have `images`, ytvis if they
    /// have `videos`].
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    pub benchmark: Option<Benchmark>,
    /// What is compared [default: masks; with coco, boxes unless all results have a mask]. The box of a track
    /// is that around its mask.
    #[arg(long, value_name = "KIND", value_enum)]
    pub iou: Option<Iou>,
    /// The metrics, separated by commas; videos have all of them, images ap and box-ap [default: ap].
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',', conflicts_with = "iou")]
    pub metrics: Vec<MetricChoice>,
    /// Leaves out results with a lower score; of those metrics that take all results alike, not of ap and box-ap.
    #[arg(long, value_name = "SCORE", value_parser = finite, allow_negative_numbers = true, requires = "metrics")]
    pub min_score: Option<f64>,
    /// What masks without pixels are to hota, idf1, mots and teta [default: detections].
    #[arg(long, value_name = "KIND", value_enum, requires = "metrics")]
    pub empty_masks: Option<EmptyMasksChoice>,
    /// Also write all numbers to this JSON file; - is standard output.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Also print one line per class.
    #[arg(long)]
    pub per_class: bool,
    /// Prints a line for each video, too, and writes it to the JSON file; with --metrics or --against.
    #[arg(long)]
    pub per_video: bool,
    /// Prints AP and HOTA by size, length and occlusion of the objects, too, and writes them to the JSON file; with
    /// --metrics.
    #[arg(long, requires = "metrics")]
    pub per_group: bool,
    /// Says what is wrong with the results, by kinds, and which AP they would have without each kind.
    #[arg(long, conflicts_with = "iou")]
    pub errors: bool,
    /// Compares with other results on the same annotations, in the metrics given, and says how sure the differences
    /// are.
    #[arg(long, value_name = "FILE", conflicts_with = "errors")]
    pub against: Option<PathBuf>,
    /// With --against: how often videos are drawn for the intervals.
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "against", value_parser = clap::value_parser!(u32).range(1..))]
    pub draws: u32,
    /// With --against: the seed of these draws.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "against")]
    pub seed: u64,
    /// Check every result, and list all faults instead of scoring if there are any. The annotations may
    /// be those of a test set, which lists videos but no objects.
    #[arg(long)]
    pub check: bool,
}

/// The benchmark whose rules apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Benchmark {
    /// Tracks in videos, as YouTube-VIS and OVIS score them.
    Ytvis,
    /// Objects in single images, as COCO scores them.
    Coco,
}

/// What is compared of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Iou {
    /// The pixels of masks.
    Mask,
    /// Boxes.
    Box,
}

/// A metric, or a group of metrics that are computed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MetricChoice {
    /// Average precision and recall of masks.
    Ap,
    /// Average precision and recall of boxes.
    BoxAp,
    /// HOTA, DetA, AssA, LocA and their parts.
    Hota,
    /// MOTSA, sMOTSA, MOTSP, identity switches, fragments, and how much of tracks is found.
    Mots,
    /// IDF1, IDP and IDR.
    Idf1,
    /// J, F and J&F of DAVIS.
    Jf,
    /// TETA and its parts.
    Teta,
}

/// What a mask without pixels is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EmptyMasksChoice {
    /// A detection that matches nothing, as TrackEval has it.
    Detections,
    /// A frame without the object.
    Absent,
}

const SCORE_HELP: &str = "\
The twelve numbers equal those of the official tools to the last digit. They are on a scale from 0 to 1;
-1 means that there are no annotations to find. The JSON file contains them as `stats` in the printed
order, and the AP of each class with annotations or results as `per_class`.

Like pycocotools, --iou mask measures the size of results by their boxes if the first result has a box.
detectron2 leaves the boxes out, and so do `eval` and `train`: do the same to compare with their numbers.

With --metrics the JSON file has one entry for each metric; docs/metrics.md defines all of them:
  seqformer score --gt valid.json --results results.json --metrics ap,hota,idf1 --per-class --json scores.json

What is wrong, and whether a change of the model helps:
  seqformer score --gt valid.json --results results.json --errors
  seqformer score --gt valid.json --results new.json --against old.json --metrics ap,hota --per-class

To check results before uploading them to a server:
  seqformer score --gt valid.json --results results.json --check";

pub(super) fn finite(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err("expected a number".to_owned()),
    }
}
