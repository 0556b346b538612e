//! Arguments of `models`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Arguments of `models`.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ModelsCommand,
}

/// The commands of `models`.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// Lists the models of the cache, and those that others have published.
    List(ListArgs),
    /// Says what a model is: where it is from, its network, what published model it may be.
    Info(InfoArgs),
    /// Brings a model into the cache.
    Pull(PullArgs),
    /// Writes a folder as the Hugging Face Hub expects it, ready to be uploaded.
    PushFolder(PushFolderArgs),
    /// Writes the model card of a training into its folder, or brings it up to date.
    Card(CardArgs),
    /// Removes a model from the cache.
    Remove(RemoveArgs),
}

/// Arguments of `models list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Prints JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `models info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// A model of the cache, a published one (see `models list`), or a weight file.
    pub name: String,
    /// Prints JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `models pull`.
#[derive(Debug, Args)]
#[command(after_help = PULL_HELP)]
pub struct PullArgs {
    /// An address (hf://ORG/REPO with @REV and /FILE if need be, https://…, http://…, detectron2://…), or a file, which is
    /// copied.
    pub address: String,
    /// The name that it gets [default: one that follows from the address].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// Arguments of `models push-folder`.
#[derive(Debug, Args)]
#[command(after_help = PUSH_FOLDER_HELP)]
pub struct PushFolderArgs {
    /// The OUTPUT_DIR of a training (its best checkpoint, or else the last one is taken), a weight file, or a model of the
    /// cache.
    #[arg(value_name = "RUN_OR_WEIGHTS")]
    pub from: PathBuf,
    /// Folder to write; there may be nothing of this name.
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// What the model is called [default: the name of the folder or file].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Licence of the weights, an identifier of the Hub such as apache-2.0 [default: that of the card, or other].
    #[arg(long, value_name = "ID", value_parser = licence)]
    pub license: Option<String>,
}

/// Arguments of `models card`.
#[derive(Debug, Args)]
pub struct CardArgs {
    /// The OUTPUT_DIR of a training.
    pub run: PathBuf,
    /// What the model is called, in a new card and in the commands [default: the name of the folder].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Licence of the weights, an identifier of the Hub such as apache-2.0; what the card says already stays
    /// [default: other].
    #[arg(long, value_name = "ID", value_parser = licence)]
    pub license: Option<String>,
}

/// Reads an identifier of a licence.
fn licence(text: &str) -> Result<String, String> {
    let is_id = !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if is_id {
        Ok(text.to_owned())
    } else {
        Err("expected an identifier such as apache-2.0".to_owned())
    }
}

/// Arguments of `models remove`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// Models of the cache.
    #[arg(required = true)]
    pub names: Vec<String>,
}

const PUSH_FOLDER_HELP: &str = "\
Writes into DIR:
  model.safetensors  the weights, with the configuration and the classes in them
  config.json        network, classes and input, for programs
  config.yaml        the whole configuration, for --config-file
  README.md          the model card: network, training data, metrics, licence, commands

Read the card and add what only you know before you upload it:
  huggingface-cli upload ORG/REPO DIR";

const PULL_HELP: &str = "\
A download that was cut or ended goes on with the same command. Its SHA-256 is checked where it is known: the Hub names it, and
an address may end in #sha256=DIGITS. Nothing in a file is ever run.

Environment:
  SEQFORMER_CACHE    folder of the cache [default: seqformer in the system's folder for caches]
  SEQFORMER_OFFLINE  1 forbids downloads
  HF_TOKEN           token for private and gated repositories [default: that of `huggingface-cli login`]
  HF_ENDPOINT        another Hub [default: https://huggingface.co]
  HTTPS_PROXY        a proxy

Examples:
  seqformer models pull hf://ORG/REPO --name street
  seqformer models pull https://HOST/model_final.pth#sha256=0123…
  seqformer predict --config-file configs/base_ytvis.yaml --weights street --output found street.mp4";
