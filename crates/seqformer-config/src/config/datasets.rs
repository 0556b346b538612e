//! `DATASETS` and `DATALOADER`.

use std::path::PathBuf;

use super::read::Reader;
use crate::defaults::CUSTOM_DATASETS;
use crate::{ConfigError, Value};

/// `DATASETS`.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetsSection {
    /// `TRAIN`: names of the datasets to train on.
    pub train: Vec<String>,
    /// `TEST`: names of the datasets to evaluate on.
    pub test: Vec<String>,
    /// `DATASET_RATIO`: share of each dataset of `train` in the samples; empty for one random order of all.
    pub dataset_ratio: Vec<f64>,
    /// `CATEGORY_MAP`: pairs of ids, from a dataset to the first one of `train`; empty for the usual map.
    pub category_map: Vec<(u64, u64)>,
    /// `CUSTOM`: datasets of the user.
    pub custom: Vec<CustomDataset>,
}

/// An entry of `DATASETS.CUSTOM`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomDataset {
    /// The name that `TRAIN` and `TEST` use.
    pub name: String,
    /// `json`: the annotation file.
    pub json: PathBuf,
    /// `image_root`: the folder that its file names are relative to; nothing looks beside `json`.
    pub image_root: Option<PathBuf>,
    /// `type`.
    pub format: AnnotationFormat,
}

/// The formats of annotation files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationFormat {
    /// `ytvis`: videos, as YouTube-VIS and OVIS have them.
    Ytvis,
    /// `coco`: images.
    Coco,
}

/// `DATALOADER`.
#[derive(Debug, Clone, PartialEq)]
pub struct DataloaderSection {
    /// `NUM_WORKERS`: loading threads for each device.
    pub num_workers: usize,
    /// `ASPECT_RATIO_GROUPING`: batches hold wide clips only, or tall clips only.
    pub aspect_ratio_grouping: bool,
    /// `FILTER_EMPTY_ANNOTATIONS`: skips videos without annotations.
    pub filter_empty_annotations: bool,
    /// `REPEAT_THRESHOLD`, if `SAMPLER_TRAIN` is `RepeatFactorTrainingSampler`: the share of the records below
    /// which a class is repeated.
    pub repeat_threshold: Option<f64>,
}

impl DatasetsSection {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        let train = reader.dataset_names("DATASETS.TRAIN")?;
        let names = reader.custom_datasets();
        let custom = names.into_iter().map(|name| CustomDataset::read(reader, name));
        Ok(Self {
            dataset_ratio: read_ratio(reader, train.len())?,
            category_map: reader.list(
                "DATASETS.CATEGORY_MAP",
                "a list of pairs of ids",
                id_pair,
            )?,
            custom: custom.collect::<Result<_, _>>()?,
            train,
            test: reader.dataset_names("DATASETS.TEST")?,
        })
    }

    /// The user's own dataset that `name` stands for: an entry of `custom`, or a file in the format of YouTube-VIS,
    /// whose name ends in `.json`.
    pub fn own(&self, name: &str) -> Option<CustomDataset> {
        if let Some(custom) = self.custom.iter().find(|custom| custom.name == name) {
            return Some(custom.clone());
        }
        let json = PathBuf::from(name);
        let is_file =
            json.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        is_file.then(|| CustomDataset {
            name: name.to_owned(),
            json,
            image_root: None,
            format: AnnotationFormat::Ytvis,
        })
    }
}

fn read_ratio(reader: &Reader<'_>, num_datasets: usize) -> Result<Vec<f64>, ConfigError> {
    const KEY: &str = "DATASETS.DATASET_RATIO";
    let ratio = reader.floats(KEY)?;
    let is_valid = ratio.len() == num_datasets
        && ratio.iter().all(|share| *share >= 0.0)
        && ratio.iter().any(|share| *share > 0.0);
    if ratio.is_empty() || is_valid {
        return Ok(ratio);
    }
    Err(reader.fail(
        KEY,
        &format!("nothing, or a number of 0 or more for each of the {num_datasets} datasets of DATASETS.TRAIN"),
    ))
}

fn id_pair(value: &Value) -> Option<(u64, u64)> {
    match value.items()? {
        [Value::Int(from), Value::Int(to)] => {
            Some((u64::try_from(*from).ok()?, u64::try_from(*to).ok()?))
        }
        _ => None,
    }
}

impl CustomDataset {
    fn read(reader: &Reader<'_>, name: &str) -> Result<Self, ConfigError> {
        let key = |field: &str| format!("{CUSTOM_DATASETS}.{name}.{field}");
        let formats = [("ytvis", AnnotationFormat::Ytvis), ("coco", AnnotationFormat::Coco)];
        let json = reader.path(&key("json"))?;
        if json.is_empty() {
            return Err(reader.fail(&key("json"), "the annotation file"));
        }
        let image_root = reader.path(&key("image_root"))?;
        Ok(Self {
            name: name.to_owned(),
            json: PathBuf::from(json),
            image_root: (!image_root.is_empty()).then(|| PathBuf::from(image_root)),
            format: reader.choice(&key("type"), &formats)?,
        })
    }
}

impl DataloaderSection {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        let samplers = [("TrainingSampler", false), ("RepeatFactorTrainingSampler", true)];
        let repeats = reader.choice("DATALOADER.SAMPLER_TRAIN", &samplers)?;
        let threshold = reader.non_negative("DATALOADER.REPEAT_THRESHOLD")?;
        if repeats && threshold == 0.0 {
            let expected = "a share above 0, as SAMPLER_TRAIN is RepeatFactorTrainingSampler";
            return Err(reader.fail("DATALOADER.REPEAT_THRESHOLD", expected));
        }
        Ok(Self {
            num_workers: reader.at_least("DATALOADER.NUM_WORKERS", 0)?,
            aspect_ratio_grouping: reader.bool("DATALOADER.ASPECT_RATIO_GROUPING")?,
            filter_empty_annotations: reader.bool("DATALOADER.FILTER_EMPTY_ANNOTATIONS")?,
            repeat_threshold: repeats.then_some(threshold),
        })
    }
}
