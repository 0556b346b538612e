//! Networks from configuration files, filled from a checkpoint or by a formula.

use std::path::{Path, PathBuf};

use anyhow::Result;
use seqformer::inference::InferenceModel;
use seqformer::{Precision, SeqFormer, load_state_dict};
use seqformer_config::{CfgNode, Config};
use seqformer_engine::builder;
use tch::{Device, Tensor, nn};

/// A network, its configuration, and its parameters.
pub(crate) struct Network {
    pub(crate) config: Config,
    pub(crate) model: SeqFormer,
    pub(crate) variables: nn::VarStore,
}

/// A configuration shipped with this program.
pub(crate) fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs").join(name)
}

/// Reads a configuration.
pub(crate) fn config(file: &Path, opts: &[String]) -> Result<Config> {
    let mut node = CfgNode::defaults();
    node.merge_from_file(file)?;
    node.merge_from_list(opts)?;
    Ok(Config::try_from(&node)?)
}

/// A network that predicts, and its configuration.
pub(crate) struct Prepared {
    pub(crate) config: Config,
    pub(crate) model: InferenceModel,
}

impl Network {
    /// The network for inference in `f32`.
    pub(crate) fn prepare(self) -> Prepared {
        let model = self.model.prepare(self.variables, Precision::F32);
        Prepared { config: self.config, model }
    }

    /// A network without weights.
    pub(crate) fn new(config: Config, device: Device) -> Result<Self> {
        let variables = nn::VarStore::new(device);
        let model = SeqFormer::new(&variables.root(), &builder::model_config(&config))?;
        Ok(Self { config, model, variables })
    }

    /// Fills a network from a checkpoint.
    pub(crate) fn from_checkpoint(config: Config, weights: &Path, device: Device) -> Result<Self> {
        let network = Self::new(config, device)?;
        load_state_dict(&network.variables, &seqformer_checkpoint::read(weights)?)?;
        Ok(network)
    }

    /// Fills every parameter by `formula`, a function of its name and shape.
    pub(crate) fn from_formula(
        config: Config,
        formula: fn(&str, &[i64]) -> Vec<f32>,
        device: Device,
    ) -> Result<Self> {
        let network = Self::new(config, device)?;
        let mut variables: Vec<_> = network.variables.variables().into_iter().collect();
        variables.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, mut variable) in variables {
            // Integer buffers keep the values that they were computed with.
            if !variable.is_floating_point() {
                continue;
            }
            let values = Tensor::from_slice(&formula(&name, &variable.size()))
                .view(variable.size().as_slice());
            tch::no_grad(|| variable.copy_(&values));
        }
        Ok(network)
    }
}
