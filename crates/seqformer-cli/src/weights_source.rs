//! Weights that are given by a name or an address.
//!
//! The command fetches what a run needs before the second program takes its place, so that all processes of a run find it
//! in the cache; that program looks there alone.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use seqformer_config::{CfgNode, Config, Value, expand_path};
use seqformer_models::{CachedModel, IncludedModel, Models};

use crate::args::{ComputeCommand, TrainArgs};
use crate::download_bar::DownloadBar;
use crate::settings::{read_node, split_inputs};

/// The checkpoint that a run goes on from, in its folder; detectron2 writes it as well.
const LAST_CHECKPOINT: &str = "last_checkpoint";

/// Where weights are to be had, for messages.
const WHERE: &str =
    "docs/weights.md says which weights load, how to get them, and what works without any";

/// Fetches the weights that a command asks for by an address, unless they are in the cache.
///
/// # Errors
///
/// If they cannot be had, or the cache has no model of the name.
pub fn fetch_for(command: &ComputeCommand) -> Result<()> {
    let Some(weights) = wanted(command).filter(|weights| Models::is_of_cache(weights)) else {
        return Ok(());
    };
    let mut bar = DownloadBar::new(&weights);
    let fetched =
        Models::from_environment()?.locate_or_fetch(&weights, &mut |progress| bar.show(progress));
    bar.finish();
    fetched?;
    Ok(())
}

/// Brings a model into the cache, with a bar on standard error.
///
/// # Errors
///
/// As [`Models::pull`].
pub fn pull(models: &Models, address: &str, name: Option<&str>) -> Result<CachedModel> {
    let mut bar = DownloadBar::new(address);
    let pulled = models.pull(address, name, &mut |progress| bar.show(progress));
    bar.finish();
    Ok(pulled?)
}

/// The file that a path, a name or an address means; a path stays as it is.
///
/// # Errors
///
/// If a name or an address is not in the cache.
pub fn locate(weights: &Path) -> Result<PathBuf> {
    match weights.to_str() {
        Some(text) if Models::is_of_cache(text) => Ok(Models::from_environment()?.locate(text)?),
        _ => Ok(weights.to_path_buf()),
    }
}

/// The file with the weights of a prediction: those of `--weights`, or else `MODEL.WEIGHTS`.
///
/// # Errors
///
/// If none are named, or they are not there.
pub fn locate_named(given: Option<&Path>, configured: &str) -> Result<PathBuf> {
    if given.is_none() && configured.is_empty() {
        bail!(
            "no weights: give --weights MODEL (a file, the name of a model or an address), or set MODEL.WEIGHTS; {WHERE}"
        );
    }
    let path = locate(given.unwrap_or(Path::new(configured)))?;
    match path.metadata() {
        Ok(found) if found.is_dir() => bail!(
            "{}: expected a file with weights, found a folder; give the file in it, such as model_final.pth or \
             model.safetensors",
            path.display()
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!(
                "{}: expected a file with weights, found nothing of this name; {WHERE}",
                path.display()
            )
        }
        _ => Ok(path),
    }
}

/// As [`locate_named`], with the `KEY VALUE` pairs in the place of a configuration.
///
/// # Errors
///
/// As [`locate_named`], and pairs that are not valid.
pub fn locate_without_config(given: Option<&Path>, pairs: &[String]) -> Result<PathBuf> {
    locate_named(given, &configured_by(pairs)?)
}

/// As [`locate_without_config`], but where no weights are named, those of the default model, if there is one; then it is
/// returned as well, so that the user can be told.
///
/// # Errors
///
/// As [`locate_without_config`].
pub fn locate_or_default(
    given: Option<&Path>,
    pairs: &[String],
) -> Result<(PathBuf, Option<IncludedModel>)> {
    let configured = configured_by(pairs)?;
    let default = if given.is_none() && configured.is_empty() {
        // Without a folder for a cache, weights have to be named.
        Models::from_environment().ok().and_then(|models| models.default_model())
    } else {
        None
    };
    match default {
        Some(model) => Ok((model.path.clone(), Some(model))),
        None => Ok((locate_named(given, &configured)?, None)),
    }
}

/// `MODEL.WEIGHTS` of the `KEY VALUE` pairs; empty if they do not have it.
fn configured_by(pairs: &[String]) -> Result<String> {
    let mut node = CfgNode::defaults();
    node.merge_from_list(pairs)?;
    let configured = configured(&node).unwrap_or_default();
    expand_path(&configured).with_context(|| "MODEL.WEIGHTS")
}

/// Puts the file in the place of a name or an address in `MODEL.WEIGHTS`. A training that goes on may need none: what is not
/// there stays as it is then.
///
/// # Errors
///
/// If a name or an address is not in the cache.
pub fn locate_in(config: &mut Config, resumes: bool) -> Result<()> {
    let weights = &mut config.model.weights;
    match locate(Path::new(weights)) {
        Ok(path) => {
            if let Some(path) = path.to_str() {
                path.clone_into(weights);
            }
            Ok(())
        }
        Err(_not_there) if resumes => Ok(()),
        Err(error) => Err(error),
    }
}

/// The weights that a command will read; nothing if it does not say, or if its configuration cannot be read, of which the
/// second program tells.
fn wanted(command: &ComputeCommand) -> Option<String> {
    let given = |weights: &Option<PathBuf>| Some(weights.as_ref()?.to_str()?.to_owned());
    match command {
        ComputeCommand::Predict(args) => given(&args.weights).or_else(|| {
            let (_inputs, pairs) = split_inputs(&args.inputs).ok()?;
            configured(&read_node(args.config_file.as_deref(), pairs).ok()?)
        }),
        ComputeCommand::Bench(args) => given(&args.weights)
            .or_else(|| configured(&read_node(args.config_file.as_deref(), &args.opts).ok()?)),
        ComputeCommand::Train(args) => of_training(&args.train),
        ComputeCommand::Eval(args) => of_training(&args.train),
    }
}

fn of_training(args: &TrainArgs) -> Option<String> {
    let node = read_node(args.config_file.as_deref(), &args.opts).ok()?;
    let goes_on = || {
        let folder = expand_path(text(&node, "OUTPUT_DIR")?).ok()?;
        Some(args.resume && Path::new(&folder).join(LAST_CHECKPOINT).exists())
    };
    if goes_on() == Some(true) { None } else { configured(&node) }
}

fn configured(node: &CfgNode) -> Option<String> {
    text(node, "MODEL.WEIGHTS").filter(|weights| !weights.is_empty()).map(str::to_owned)
}

fn text<'a>(node: &'a CfgNode, key: &str) -> Option<&'a str> {
    match node.get(key)? {
        Value::Str(text) => Some(text),
        _ => None,
    }
}
