//! The typed configuration: every setting that has an effect, checked once.
//!
//! Settings that are one of a few names have enums of their own even where the crate that obeys them has a similar one:
//! this crate knows none of the others, most of them know no configuration, and the engine's `builder` translates.

mod backbone;
mod choice;
mod clip_gradients;
mod crop;
mod cutouts;
mod dataloader;
mod datasets;
mod input;
mod model;
mod network;
pub(crate) mod read;
mod resnets;
pub(crate) mod section;
mod seqformer;
mod solver;
mod swin;
mod test;

use std::path::PathBuf;

use crate::ConfigError;
use crate::spec::Shown::{By, Nowhere};
use crate::spec::tests_in::FRONT_DOOR;

pub use backbone::{BackboneName, BackboneSection};
pub use clip_gradients::{ClipGradientsSection, ClipType};
pub use crop::{CropSection, CropType};
pub use cutouts::CutoutsSection;
pub use dataloader::{DataloaderSection, TrainSampler};
pub use datasets::{AnnotationFormat, CustomDataset, DatasetsSection};
pub(crate) use datasets::{CUSTOM_DATASET_FIELDS, CUSTOM_DATASETS};
pub use input::{
    DataPath, FrameAugmentation, ImageFormat, InputSection, PseudoClips, RandomFlip,
    ShortEdgeSampling,
};
pub use model::ModelSection;
pub use network::{NetworkDifference, NetworkSettings};
pub use resnets::ResNetsSection;
pub use seqformer::{ResultRule, SeqFormerSection};
pub use solver::{LrScheduler, NetworkPart, Optimizer, SolverSection, WarmupMethod};
pub use swin::SwinSection;
pub use test::{ExpectedResult, TestSection};

use read::Reader;
use section::section;

section! {
    /// A checked configuration.
    pub struct Config {
        _ = "VERSION" or "2", version,
            "Version of the names of the keys.",
            By("seqformer-config/src/version.rs", "old_keys_are_renamed");
        output_dir: PathBuf = "OUTPUT_DIR" or "'./output'", folder,
            "Folder for logs, checkpoints and results.",
            By(FRONT_DOOR, "the_three_commands_of_the_original_readme_end_with_checkpoints_results_and_ap");
        seed: Option<u64> = "SEED" or "-1", seed,
            "Seed of all randomness; negative draws a new one.",
            By("seqformer/tests/it/initialization.rs", "the_seed_decides_all_numbers");
        cudnn_benchmark: bool = "CUDNN_BENCHMARK" or "False", Reader::bool,
            "Lets cuDNN try several algorithms and keep the fastest.",
            Nowhere("not tested: needs a GPU");
        model: ModelSection = "MODEL", "The network.";
        network: NetworkSettings = "MODEL and INPUT", "What its weights belong to.";
        input: InputSection = "INPUT", "Frames: sampling, sizes, augmentation.";
        datasets: DatasetsSection = "DATASETS", "Names of the datasets.";
        dataloader: DataloaderSection = "DATALOADER", "Loading of the training data.";
        solver: SolverSection = "SOLVER", "Optimisation.";
        test: TestSection = "TEST", "Evaluation.";
    }
}

fn version(reader: &Reader<'_>, key: &str) -> Result<(), ConfigError> {
    if reader.int(key)? == 2 { Ok(()) } else { Err(reader.fail(key, "2")) }
}

fn folder(reader: &Reader<'_>, key: &str) -> Result<PathBuf, ConfigError> {
    let folder = reader.path(key)?;
    if folder.is_empty() {
        return Err(reader.fail(key, "the name of a folder"));
    }
    Ok(PathBuf::from(folder))
}

/// `None` for a negative one.
fn seed(reader: &Reader<'_>, key: &str) -> Result<Option<u64>, ConfigError> {
    Ok(u64::try_from(reader.int(key)?).ok())
}

#[cfg(test)]
mod tests;
