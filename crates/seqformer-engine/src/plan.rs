//! Typed plans, read once from a configuration: below a plan no code sees a [`Config`] or knows a key, except for
//! messages that name one.

mod train;

use std::path::{Component, Path, PathBuf};

use seqformer::SeqFormerConfig;
use seqformer_checkpoint::key_map::InputConvention;
use seqformer_config::config::{NetworkDifference, NetworkSettings};
use seqformer_config::{CfgNode, Config};

pub use train::TrainPlan;

use crate::{PredictorOptions, builder};

/// A network, and what weights must match.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NetworkPlan {
    pub(crate) model: SeqFormerConfig,
    /// Its input convention.
    pub(crate) input: InputConvention,
    /// The settings that are compared with those of the network in which weights were trained.
    pub(crate) settings: NetworkSettings,
}

/// A prediction or an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictPlan {
    pub(crate) network: NetworkPlan,
    /// How videos are prepared and which results are kept; a command may change them.
    pub options: PredictorOptions,
}

impl NetworkPlan {
    fn from_config(config: &Config) -> Self {
        Self {
            model: builder::model_config(config),
            input: builder::input_convention(config),
            settings: config.network.clone(),
        }
    }

    /// The differences from the network whose configuration is `text`, that of the weights at `path`; empty if it
    /// cannot be read.
    pub(crate) fn differences(&self, text: &str, path: &Path) -> Vec<NetworkDifference> {
        let mut node = CfgNode::defaults();
        let trained = node.merge_from_text(text, path).and_then(|()| Config::try_from(&node));
        match trained {
            Ok(trained) => trained.network.differences(&self.settings),
            Err(error) => {
                tracing::warn!("{}: its configuration is not compared: {error}", path.display());
                Vec::new()
            }
        }
    }
}

impl PredictPlan {
    /// Reads all keys of a prediction.
    pub fn from_config(config: &Config) -> Self {
        let mut network = NetworkPlan::from_config(config);
        network.model.query_groups = 1;
        Self { network, options: PredictorOptions::from_config(config) }
    }

    /// The same network with other options.
    pub fn with_options(self, options: PredictorOptions) -> Self {
        Self { options, ..self }
    }
}

/// The folders for results of the datasets of `DATASETS.TEST`, in their order: `inference` in the output folder, with a
/// subfolder per dataset if there are several.
pub fn inference_folders(config: &Config) -> Vec<PathBuf> {
    results_folders(&config.output_dir, &config.datasets.test)
}

/// Folders are named after the datasets, or after the shortest end of an annotation file's path that is unique.
fn results_folders(output_dir: &Path, names: &[String]) -> Vec<PathBuf> {
    let folder = output_dir.join("inference");
    if names.len() == 1 {
        return vec![folder];
    }
    let parts: Vec<Vec<String>> = names.iter().map(|name| path_parts(name)).collect();
    let mut taken: Vec<String> = Vec::new();
    for own in &parts {
        // If no depth makes the name unique, a number does.
        let is_alone = |depth: &usize| {
            let same = |other: &&Vec<String>| last(other, *depth) == last(own, *depth);
            parts.iter().filter(same).count() == 1
        };
        let depth = (1..=own.len()).find(is_alone).unwrap_or(1);
        let name = last(own, depth);
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name));
        taken.push(free.unwrap_or(name));
    }
    taken.iter().map(|name| folder.join(name)).collect()
}

/// The components of an annotation file's path, or the name of another dataset.
fn path_parts(name: &str) -> Vec<String> {
    let path = Path::new(name);
    let is_json = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
    let path = if is_json { path.with_extension("") } else { path.to_path_buf() };
    let normal = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
        _ => None,
    });
    let parts: Vec<String> = normal.collect();
    if parts.is_empty() { vec!["dataset".to_owned()] } else { parts }
}

fn last(parts: &[String], count: usize) -> String {
    parts[parts.len().saturating_sub(count)..].join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dataset_has_a_folder_of_its_own() {
        let folders = |names: &[&str]| -> Vec<String> {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let folders = results_folders(Path::new("out"), &names);
            folders.iter().map(|folder| folder.display().to_string()).collect()
        };
        assert_eq!(folders(&["a/val.json"]), ["out/inference"]);
        let cases: [(&[&str], &[&str]); 6] = [
            (&["ytvis_2019_val", "/data/mine.json"], &["ytvis_2019_val", "mine"]),
            (&["a/val.json", "b/val.json", "test.json"], &["a_val", "b_val", "test"]),
            (
                &["/x/a/annotations/val.json", "/x/b/annotations/val.JSON"],
                &["a_annotations_val", "b_annotations_val"],
            ),
            (&["street.v1", "street.v2"], &["street.v1", "street.v2"]),
            (&["val", "val", "../val.json"], &["val", "val_2", "val_3"]),
            (&["a/val.json", "b/val.json", "a_val"], &["val", "b_val", "a_val"]),
        ];
        for (names, expected) in cases {
            let expected: Vec<String> =
                expected.iter().map(|name| format!("out/inference/{name}")).collect();
            assert_eq!(folders(names), expected);
        }
    }
}
