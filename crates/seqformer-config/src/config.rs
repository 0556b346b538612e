//! The typed configuration: every setting that has an effect, checked once.

mod backbone;
mod datasets;
mod input;
mod model;
mod network;
mod read;
mod solver;
mod test;

use std::path::PathBuf;

use crate::{CfgNode, ConfigError};

pub use backbone::{BackboneName, BackboneSection, ResNetsSection, SwinSection};
pub use datasets::{AnnotationFormat, CustomDataset, DataloaderSection, DatasetsSection};
pub use input::{
    CropSection, CropType, ImageFormat, InputSection, PseudoClips, RandomFlip, ShortEdgeSampling,
};
pub use model::{ModelSection, ResultRule, SeqFormerSection};
pub use network::{NetworkDifference, NetworkSettings};
pub use solver::{
    ClipGradientsSection, ClipType, LrScheduler, NetworkPart, Optimizer, SolverSection,
    WarmupMethod,
};
pub use test::{ExpectedResult, TestSection};

use read::Reader;

/// A checked configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The network.
    pub model: ModelSection,
    /// What its weights belong to.
    pub network: NetworkSettings,
    /// Frames: sampling, sizes, augmentation.
    pub input: InputSection,
    /// Names of the datasets.
    pub datasets: DatasetsSection,
    /// Loading of the training data.
    pub dataloader: DataloaderSection,
    /// Optimisation.
    pub solver: SolverSection,
    /// Evaluation.
    pub test: TestSection,
    /// Folder for logs, checkpoints and results.
    pub output_dir: PathBuf,
    /// Seed of all randomness; `None` draws a new one.
    pub seed: Option<u64>,
    /// Lets cuDNN try several algorithms and keep the fastest.
    pub cudnn_benchmark: bool,
}

impl TryFrom<&CfgNode> for Config {
    type Error = ConfigError;

    fn try_from(node: &CfgNode) -> Result<Self, ConfigError> {
        let reader = Reader::new(node);
        if reader.int("VERSION")? != 2 {
            return Err(reader.fail("VERSION", "2"));
        }
        let output_dir = reader.path("OUTPUT_DIR")?;
        if output_dir.is_empty() {
            return Err(reader.fail("OUTPUT_DIR", "the name of a folder"));
        }
        let model = ModelSection::read(&reader)?;
        Ok(Self {
            network: NetworkSettings::read(&reader, &model.backbone),
            model,
            input: InputSection::read(&reader)?,
            datasets: DatasetsSection::read(&reader)?,
            dataloader: DataloaderSection::read(&reader)?,
            solver: SolverSection::read(&reader)?,
            test: TestSection::read(&reader)?,
            output_dir: PathBuf::from(output_dir),
            seed: u64::try_from(reader.int("SEED")?).ok(),
            cudnn_benchmark: reader.bool("CUDNN_BENCHMARK")?,
        })
    }
}

impl TryFrom<CfgNode> for Config {
    type Error = ConfigError;

    fn try_from(node: CfgNode) -> Result<Self, ConfigError> {
        Self::try_from(&node)
    }
}

#[cfg(test)]
mod tests;
