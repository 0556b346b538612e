//! Arguments of `weights`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use seqformer_checkpoint::weights::TargetDialect;

/// Arguments of `weights`.
#[derive(Debug, Args)]
pub struct WeightsArgs {
    /// The command.
    #[command(subcommand)]
    pub command: WeightsCommand,
}

/// The commands of `weights`.
#[derive(Debug, Subcommand)]
pub enum WeightsCommand {
    /// Show what a weight file contains: which program wrote it, which network, how many classes.
    Inspect(InspectArgs),
    /// Convert a weight file to another format or other tensor names.
    Convert(ConvertArgs),
    /// Compare two weight files; the exit code is 1 if they differ.
    Diff(DiffArgs),
}

/// Arguments of `weights inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Checkpoint: .pth, .pkl or .safetensors.
    pub file: PathBuf,
    /// Also list every tensor.
    #[arg(long)]
    pub tensors: bool,
    /// Print JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `weights convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// Checkpoint of any known program: .pth, .pkl or .safetensors.
    pub from: PathBuf,
    /// Output file; its extension selects the format: .pth (PyTorch) or .safetensors.
    pub to: PathBuf,
    /// Replace an existing file, but never the input.
    #[arg(long)]
    pub overwrite: bool,
    /// Program whose tensor names are used.
    #[arg(long, value_enum, default_value_t = Names::Vnext)]
    pub names: Names,
    /// Write half precision, which halves the size of the file.
    #[arg(long)]
    pub half: bool,
}

/// Arguments of `weights diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// First checkpoint.
    pub first: PathBuf,
    /// Second checkpoint, which may come from another program.
    pub second: PathBuf,
    /// List at most this many tensors of each kind.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub limit: usize,
}

/// The program whose tensor names a converted file gets.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Names {
    /// VNext, and this program.
    Vnext,
    /// The original SeqFormer repository.
    Original,
}

impl From<Names> for TargetDialect {
    fn from(names: Names) -> Self {
        match names {
            Names::Vnext => Self::VNext,
            Names::Original => Self::Original,
        }
    }
}
