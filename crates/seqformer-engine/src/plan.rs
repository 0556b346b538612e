//! What a configuration asks for, read once: below a plan no code sees a [`Config`] or knows the path of a key, but for
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

/// A network and what weights must know to fit it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NetworkPlan {
    pub(crate) model: SeqFormerConfig,
    /// How images are given to it.
    pub(crate) input: InputConvention,
    /// What it is compared by with the network that weights were trained in.
    pub(crate) settings: NetworkSettings,
}

/// A prediction, or the evaluation of one.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictPlan {
    pub(crate) network: NetworkPlan,
    /// How videos are prepared and which results are kept; a command may change it.
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

    /// What differs from the network whose configuration is `text`, that of the weights at `path`; nothing where that
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

/// Where results of `dataset` go: `inference` of the output folder, with a folder of its own for each of
/// several datasets.
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
