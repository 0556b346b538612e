//! Arguments of `weights`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use seqformer_checkpoint::weights::TargetDialect;

/// Arguments of `weights`.
#[derive(Debug, Args)]
pub(crate) struct WeightsArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: WeightsCommand,
}

/// The commands of `weights`.
#[derive(Debug, Subcommand)]
pub(crate) enum WeightsCommand {
    /// Says what a weight file holds: whose it is, which network, how many classes.
    Inspect(InspectArgs),
    /// Translates a weight file into another form or other names.
    Convert(ConvertArgs),
    /// Compares two weight files; ends with code 1 if they differ.
    Diff(DiffArgs),
}

/// Arguments of `weights inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// Checkpoint: .pth, .pkl or .safetensors.
    pub(crate) file: PathBuf,
    /// Also lists every tensor.
    #[arg(long)]
    pub(crate) tensors: bool,
    /// Prints JSON instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `weights convert`.
#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// Checkpoint: .pth, .pkl or .safetensors, of any known program.
    pub(crate) from: PathBuf,
    /// Where to write; the ending decides: .pth for PyTorch, or .safetensors.
    pub(crate) to: PathBuf,
    /// Replaces a file that is already there; never the one that is read.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Whose names the tensors get.
    #[arg(long, value_enum, default_value_t = Names::Vnext)]
    pub(crate) names: Names,
    /// Writes half precision, which halves the file.
    #[arg(long)]
    pub(crate) half: bool,
}

/// Arguments of `weights diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// A checkpoint.
    pub(crate) first: PathBuf,
    /// Another one, perhaps of another program.
    pub(crate) second: PathBuf,
    /// Lists at most this many tensors of a kind.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) limit: usize,
}

/// Whose names a converted file gets.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Names {
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
