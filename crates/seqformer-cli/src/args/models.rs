//! Arguments of `models`.

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
    /// hf://ORG/REPO[@REV][/FILE], https://…, http://…, detectron2://…, or a file, which is copied.
    pub address: String,
    /// The name that it gets [default: one that follows from the address].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// Arguments of `models remove`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// Models of the cache.
    #[arg(required = true)]
    pub names: Vec<String>,
}

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
