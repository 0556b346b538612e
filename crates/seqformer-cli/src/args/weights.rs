//! Arguments of `weights`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use seqformer_checkpoint::weights::TargetDialect;

/// Arguments of `weights`.
#[derive(Debug, Args)]
pub struct WeightsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: WeightsCommand,
}

/// The commands of `weights`.
#[derive(Debug, Subcommand)]
pub enum WeightsCommand {
    /// Says what a weight file holds: whose it is, which network, how many classes.
    Inspect(InspectArgs),
    /// Translates a weight file into another form or other names.
    Convert(ConvertArgs),
    /// Compares two weight files; ends with code 1 if they differ.
    Diff(DiffArgs),
}

/// Arguments of `weights inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Checkpoint: .pth, .pkl or .safetensors.
    pub file: PathBuf,
    /// Also lists every tensor.
    #[arg(long)]
    pub tensors: bool,
    /// Prints JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `weights convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// Checkpoint: .pth, .pkl or .safetensors, of any known program.
    pub from: PathBuf,
    /// Where to write; the ending decides: .pth for PyTorch, or .safetensors.
    pub to: PathBuf,
    /// Replaces a file that is already there; never the one that is read.
    #[arg(long)]
    pub overwrite: bool,
    /// Whose names the tensors get.
    #[arg(long, value_enum, default_value_t = Names::Vnext)]
    pub names: Names,
    /// Writes half precision, which halves the file.
    #[arg(long)]
    pub half: bool,
}

/// Arguments of `weights diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A checkpoint.
    pub first: PathBuf,
    /// Another one, perhaps of another program.
    pub second: PathBuf,
    /// Lists at most this many tensors of a kind.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub limit: usize,
}

/// Whose names a converted file gets.
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
