//! Typed plans, read once from a configuration: below a plan no code sees a [`Config`] or knows a key, except for
//! messages that name one.

mod train;

use std::path::{Path, PathBuf};

use seqformer::SeqFormerConfig;
use seqformer_checkpoint::key_map::InputConvention;
use seqformer_config::config::{NetworkDifference, NetworkSettings};
use seqformer_config::{CfgNode, Config};
use seqformer_data::DatasetSource;

pub use train::TrainPlan;
pub(crate) use train::{BatchPlan, DataPlan};

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
        Self {
            network: NetworkPlan::from_config(config),
            options: PredictorOptions::from_config(config),
        }
    }

    /// The same network with other options.
    pub fn with_options(self, options: PredictorOptions) -> Self {
        Self { options, ..self }
    }
}

/// The folder for results of `dataset`: `inference` in the output folder, with a subfolder per dataset if there are
/// several.
pub fn inference_folder(config: &Config, dataset: &DatasetSource) -> PathBuf {
    results_folder(&config.output_dir, config.datasets.test.len() > 1, dataset)
}

fn results_folder(output_dir: &Path, is_one_of_several: bool, dataset: &DatasetSource) -> PathBuf {
    let folder = output_dir.join("inference");
    if !is_one_of_several {
        return folder;
    }
    let name = Path::new(&dataset.name).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    folder.join(name.unwrap_or_else(|| dataset.name.clone()))
}
