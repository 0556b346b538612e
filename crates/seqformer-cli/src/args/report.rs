//! Arguments of `report` and `data browse`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `report`.
#[derive(Debug, Args)]
#[command(after_help = REPORT_HELP)]
pub struct ReportArgs {
    /// Annotations of videos: a JSON file in the format of YouTube-VIS or OVIS.
    #[arg(long, value_name = "FILE")]
    pub gt: PathBuf,
    /// Results: a JSON file as written by `seqformer predict`; given twice, both are compared.
    #[arg(long, value_name = "FILE", required = true)]
    pub results: Vec<PathBuf>,
    /// The folder of a training, whose curves and configuration become a page.
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
    /// The score from which results are worth showing [default: that with the best F1 at IoU 0.5].
    #[arg(long, value_name = "SCORE", value_parser = super::score::finite, allow_negative_numbers = true)]
    pub min_score: Option<f64>,
    /// Frames and the folder to write.
    #[command(flatten)]
    pub pages: PageArgs,
}

/// Arguments of `data browse`.
#[derive(Debug, Args)]
#[command(after_help = BROWSE_HELP)]
pub struct DataBrowseArgs {
    /// The annotations: a JSON file in the format of YouTube-VIS or OVIS.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Frames and the folder to write.
    #[command(flatten)]
    pub pages: PageArgs,
}

/// Arguments that `report` and `data browse` share.
#[derive(Debug, Args)]
pub struct PageArgs {
    /// The folder that `file_names` of the annotations start from [default: masks are shown on a plain ground].
    #[arg(long, value_name = "DIR")]
    pub frames: Option<PathBuf>,
    /// Copies the frames into the report, which can then be moved or put on a server; otherwise its pages refer to the
    /// frames where they are.
    #[arg(long, requires = "frames")]
    pub copy_frames: bool,
    /// The folder of the pages, new or empty.
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Replaces an earlier report of this name, and nothing else.
    #[arg(long)]
    pub overwrite: bool,
}

const REPORT_HELP: &str = "\
Open DIR/index.html in a browser; no server is needed. docs/report.md describes the pages.

Examples:
  seqformer report --gt valid.json --results results.json --frames JPEGImages --output report
  seqformer report --gt valid.json --results new.json --results old.json --output compared";

const BROWSE_HELP: &str = "\
Open DIR/index.html in a browser; no server is needed.

Example:
  seqformer data browse train.json --frames JPEGImages --output train_pages";
