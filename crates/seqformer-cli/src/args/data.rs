//! Arguments of `data`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
}

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
