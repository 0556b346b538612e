//! `DATASETS` and `DATALOADER`.

use super::read::Reader;
use crate::ConfigError;

/// `DATASETS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetsSection {
    /// `TRAIN`: names of the datasets to train on.
    pub train: Vec<String>,
    /// `TEST`: names of the datasets to evaluate on.
    pub test: Vec<String>,
}

/// `DATALOADER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataloaderSection {
    /// `NUM_WORKERS`: loading threads for each device.
    pub num_workers: usize,
    /// `ASPECT_RATIO_GROUPING`: batches hold wide clips only, or tall clips only.
    pub aspect_ratio_grouping: bool,
    /// `FILTER_EMPTY_ANNOTATIONS`: skips videos without annotations.
    pub filter_empty_annotations: bool,
}

impl DatasetsSection {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        Ok(Self { train: reader.texts("DATASETS.TRAIN")?, test: reader.texts("DATASETS.TEST")? })
    }
}

impl DataloaderSection {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            num_workers: reader.at_least("DATALOADER.NUM_WORKERS", 0)?,
            aspect_ratio_grouping: reader.bool("DATALOADER.ASPECT_RATIO_GROUPING")?,
            filter_empty_annotations: reader.bool("DATALOADER.FILTER_EMPTY_ANNOTATIONS")?,
        })
    }
}
