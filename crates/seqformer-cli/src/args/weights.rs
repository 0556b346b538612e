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
    /// Put together the weights that a training starts from, out of several files.
    Merge(MergeArgs),
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

/// Arguments of `weights merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Checkpoints of any known programs; a layer is taken from the first that has it in the right shape.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Configuration of the network that the weights are for: a YAML file with detectron2's keys.
    #[arg(long, value_name = "FILE")]
    pub config_file: PathBuf,
    /// Output file; its extension selects the format: .pth (PyTorch) or .safetensors.
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace the prefix OLD of tensor names by NEW in all files (repeatable).
    #[arg(long, value_name = "OLD=NEW", value_parser = prefixes)]
    pub rename: Vec<(String, String)>,
    /// Also list the tensors that no file has.
    #[arg(long)]
    pub tensors: bool,
    /// Replace an existing file, but never an input.
    #[arg(long)]
    pub overwrite: bool,
}

fn prefixes(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(old, _)| !old.is_empty());
    let (old, new) = pair.ok_or("expected OLD=NEW, such as backbone.=detr.detr.backbone.")?;
    Ok((old.to_owned(), new.to_owned()))
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
