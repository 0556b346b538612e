//! What is known of a trained model: from its weights, and from the folder of its training.

use std::path::{Path, PathBuf};

use seqformer_checkpoint::key_map::Dialect;
use seqformer_checkpoint::{Provenance, few, read};
use seqformer_config::{CfgNode, Config};
use seqformer_logs::{MetricsRecord, read_metrics};
use serde_json::{Value, json};

use crate::weights_config::inferred;
use crate::{Architecture, ModelsError, Outline, Published, recognise};

/// The configuration of a run.
pub(crate) const CONFIG: &str = "config.yaml";
/// The scalars of a run.
const METRICS: &str = "metrics.json";
/// The best checkpoint of a run.
const BEST: &str = "model_best.pth";
/// Its last one.
const FINAL: &str = "model_final.pth";
/// The file that names the newest one.
const LAST: &str = "last_checkpoint";
/// Names that files have in every folder.
const USUAL_STEMS: [&str; 3] = ["model", "model_best", "model_final"];

/// The folder in which `seqformer init` lets a training write.
const RUN: &str = "run";

/// What is known of a model.
#[derive(Debug, Clone)]
pub struct Facts {
    /// What it is called.
    pub name: String,
    /// The file with its weights.
    pub weights: PathBuf,
    /// Its network.
    pub network: Architecture,
    /// Whose names its tensors have.
    pub dialect: Dialect,
    /// The configuration that it was trained with; nothing for weights that do not say.
    pub trained_with: Option<CfgNode>,
    /// The names of its classes; empty if nobody knows them.
    pub classes: Vec<String>,
    /// The last validation of its training, or the best one for the best checkpoint.
    pub scores: Option<MetricsRecord>,
    /// Published models that it may be.
    pub may_be: Vec<&'static Published>,
}

impl Facts {
    /// Reads a weight file, or the folder of a training with `config.yaml`, `metrics.json` and checkpoints: the best one, or
    /// else the last.
    ///
    /// # Errors
    ///
    /// If there are no weights, they are of no SeqFormer or are not finite numbers, or a file of the folder cannot be read.
    pub fn read(from: &Path) -> Result<Self, ModelsError> {
        let is_run = from.is_dir();
        let weights = if is_run { checkpoint_of(from)? } else { from.to_path_buf() };
        let state = read(&weights)?;
        let not_finite = state.not_finite();
        if !not_finite.is_empty() {
            let what = format!("weights that are not finite numbers: {}", few(&not_finite));
            return Err(ModelsError::Unusable { path: weights, what });
        }
        let outline = Outline::of(&state);
        let network = Architecture::from_tensors(&outline).map_err(|error| {
            ModelsError::Unusable { path: weights.clone(), what: error.to_string() }
        })?;
        let provenance = Provenance::of(&state);
        let trained_with = if is_run {
            let mut node = CfgNode::defaults();
            node.merge_from_file(&from.join(CONFIG))?;
            Some(node)
        } else if let Some(text) = &provenance.config {
            let mut node = CfgNode::defaults();
            node.merge_from_text(text, &weights)?;
            Some(node)
        } else {
            None
        };
        let name = from.canonicalize().ok().and_then(|path| name_of(&path, is_run));
        Ok(Self {
            name: name.unwrap_or_else(|| "SeqFormer".to_owned()),
            scores: if is_run { scores_of(from, &weights)? } else { None },
            may_be: recognise(&outline),
            classes: provenance.classes,
            weights,
            network,
            dialect: outline.dialect,
            trained_with,
        })
    }

    /// A configuration of the model that is complete: the one that it was trained with, or the recipe for its classes with
    /// the network that follows from the tensors.
    ///
    /// # Errors
    ///
    /// If the network is none that a configuration can have.
    pub fn config(&self) -> Result<CfgNode, ModelsError> {
        if let Some(node) = &self.trained_with {
            return Ok(node.clone());
        }
        Ok(inferred(&self.network, self.dialect)?.0)
    }

    /// `config.json` of the Hub: the network, the classes and the input.
    ///
    /// # Errors
    ///
    /// As [`Self::config`].
    pub fn config_json(&self) -> Result<Value, ModelsError> {
        let node = self.config()?;
        let config = Config::try_from(&node)?;
        let settings = self.network.settings().into_iter();
        let settings: serde_json::Map<String, Value> =
            settings.map(|setting| (setting.key.to_owned(), Value::from(setting.value))).collect();
        let text = |key: &str| node.get(key).map(ToString::to_string).unwrap_or_default();
        let names: Vec<String> =
            (0..self.network.num_classes).map(|i| self.class_name(i)).collect();
        let by_id: serde_json::Map<String, Value> =
            names.iter().enumerate().map(|(i, name)| (i.to_string(), json!(name))).collect();
        let by_name: serde_json::Map<String, Value> =
            names.iter().enumerate().map(|(i, name)| (name.clone(), json!(i))).collect();
        Ok(json!({
            "model_type": "seqformer",
            "architectures": ["SeqFormer"],
            "network": self.network.to_string(),
            "settings": settings,
            "num_labels": self.network.num_classes,
            "id2label": by_id,
            "label2id": by_name,
            "input": {
                "format": text("INPUT.FORMAT").trim_matches('\''),
                "pixel_mean": config.model.pixel_mean,
                "pixel_std": config.model.pixel_std,
                "min_size_test": config.input.min_size_test,
                "max_size_test": config.input.max_size_test,
            },
            "seqformer_version": env!("CARGO_PKG_VERSION"),
        }))
    }

    fn class_name(&self, index: usize) -> String {
        match self.classes.get(index) {
            Some(name) if self.classes.len() == self.network.num_classes => name.clone(),
            _ => format!("class {}", index + 1),
        }
    }
}

/// What a model is called after its file or folder; files and folders of usual names after the folder that they are in.
fn name_of(path: &Path, is_run: bool) -> Option<String> {
    let stem = path.file_stem().filter(|_| !is_run).map(|stem| stem.to_string_lossy());
    let name = match stem {
        Some(stem) if !USUAL_STEMS.contains(&stem.as_ref()) => stem,
        Some(_) => return name_of(path.parent()?, true),
        None if path.file_name()? == RUN => path.parent()?.file_name()?.to_string_lossy(),
        None => path.file_name()?.to_string_lossy(),
    };
    Some(name.into_owned())
}

/// The checkpoint of a run that is worth publishing.
fn checkpoint_of(run: &Path) -> Result<PathBuf, ModelsError> {
    let newest = || {
        let name = std::fs::read_to_string(run.join(LAST)).ok()?;
        Some(run.join(Path::new(name.trim()).file_name()?))
    };
    let candidates = [Some(run.join(BEST)), Some(run.join(FINAL)), newest()];
    let found = candidates.into_iter().flatten().find(|path| path.is_file());
    found.ok_or_else(|| ModelsError::Unusable {
        path: run.to_path_buf(),
        what: format!(
            "no checkpoint; it has neither {BEST} nor {FINAL}, nor a {LAST} that names one"
        ),
    })
}

/// The last validation of a run, or the best one for the best checkpoint.
fn scores_of(run: &Path, weights: &Path) -> Result<Option<MetricsRecord>, ModelsError> {
    let path = run.join(METRICS);
    if !path.is_file() {
        return Ok(None);
    }
    let records = read_metrics(&path)?;
    let mut scored = records.into_iter().filter_map(|record| {
        let ap = record.values.iter().find(|(name, _)| name == "segm/AP").map(|(_, ap)| *ap)?;
        ap.is_finite().then_some((ap, record))
    });
    let best = if weights.ends_with(BEST) {
        scored.max_by(|(a, _), (b, _)| a.total_cmp(b))
    } else {
        scored.next_back()
    };
    Ok(best.map(|(_, record)| record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_every_model_has_give_way_to_those_of_folders() {
        let cases = [
            ("/a/street.pth", false, "street"),
            ("/a/street/model.safetensors", false, "street"),
            ("/a/output/street", true, "street"),
            ("/a/street/run", true, "street"),
            ("/a/street/run/model_best.pth", false, "street"),
        ];
        for (path, is_run, expected) in cases {
            assert_eq!(name_of(Path::new(path), is_run).as_deref(), Some(expected), "{path}");
        }
    }
}
