//! `DATASETS`.

use std::path::PathBuf;

use super::choice::choice;
use super::read::Reader;
use super::section::{Row, Section, section};
use crate::spec::Shown::By;
use crate::spec::tests_in::{FRONT_DOOR, SAMPLER};
use crate::{ConfigError, Value};

section! {
    /// `DATASETS`.
    pub struct DatasetsSection {
        train: Vec<String> = "DATASETS.TRAIN" or "()", Reader::dataset_names,
            "Names of the datasets to train on.",
            By(FRONT_DOOR, "the_three_commands_of_the_original_readme_end_with_checkpoints_results_and_ap");
        test: Vec<String> = "DATASETS.TEST" or "()", Reader::dataset_names,
            "Names of the datasets to evaluate on.",
            By(FRONT_DOOR, "the_three_commands_of_the_original_readme_end_with_checkpoints_results_and_ap");
        dataset_ratio: Vec<f64> = "DATASETS.DATASET_RATIO" or "[]", dataset_ratio,
            "Share of each dataset of TRAIN in the samples; empty gives every record the same chance.",
            By(SAMPLER, "weights_are_the_shares_of_the_datasets_and_each_goes_through_all_its_records");
        category_map: Vec<(u64, u64)> = "DATASETS.CATEGORY_MAP" or "[]", category_map,
            "Pairs of category ids, from the images of a joint training to the first dataset of TRAIN; empty takes \
             the table from COCO, or equal names.",
            By(FRONT_DOOR, "images_and_videos_train_together_with_the_classes_of_the_videos");
        custom: Vec<CustomDataset> = "DATASETS.CUSTOM", "Datasets of the user.";
    }
}

/// The one section whose names the user chooses: a dataset each.
pub(crate) const CUSTOM_DATASETS: &str = "DATASETS.CUSTOM";

/// What each entry of [`CUSTOM_DATASETS`] has.
pub(crate) const CUSTOM_DATASET_FIELDS: [CustomField; 3] = [
    CustomField { name: "json", default: "''", meaning: "The annotation file." },
    CustomField {
        name: "image_root",
        default: "''",
        meaning: "The folder that its file names are relative to; empty looks beside the annotation file.",
    },
    CustomField {
        name: "type",
        default: "'ytvis'",
        meaning: "The format: ytvis for videos, coco for images.",
    },
];

/// A field of an entry of [`CUSTOM_DATASETS`].
#[derive(Debug)]
pub(crate) struct CustomField {
    pub(crate) name: &'static str,
    /// A Python literal.
    pub(crate) default: &'static str,
    /// A sentence.
    pub(crate) meaning: &'static str,
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

choice! {
    /// The formats of annotation files.
    pub enum AnnotationFormat {
        /// `ytvis`: videos, as YouTube-VIS and OVIS have them.
        Ytvis = "ytvis",
        /// `coco`: images.
        Coco = "coco",
    }
}

impl DatasetsSection {
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

fn dataset_ratio(reader: &Reader<'_>, key: &str) -> Result<Vec<f64>, ConfigError> {
    let ratio = reader.floats(key)?;
    let num_datasets = reader.texts("DATASETS.TRAIN")?.len();
    let is_valid = ratio.len() == num_datasets
        && ratio.iter().all(|share| *share >= 0.0)
        && ratio.iter().any(|share| *share > 0.0);
    if ratio.is_empty() || is_valid {
        return Ok(ratio);
    }
    Err(reader.fail(
        key,
        &format!("nothing, or a number of 0 or more for each of the {num_datasets} datasets of DATASETS.TRAIN"),
    ))
}

fn category_map(reader: &Reader<'_>, key: &str) -> Result<Vec<(u64, u64)>, ConfigError> {
    reader.list(key, "a list of pairs of ids", |value| match value.items()? {
        [Value::Int(from), Value::Int(to)] => {
            Some((u64::try_from(*from).ok()?, u64::try_from(*to).ok()?))
        }
        _ => None,
    })
}

/// The entries of [`CUSTOM_DATASETS`], in the order in which they were declared.
impl Section for Vec<CustomDataset> {
    const ROWS: &'static [Row] = &[];

    fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        let names = reader.names_in(CUSTOM_DATASETS);
        names.into_iter().map(|name| CustomDataset::read(reader, name)).collect()
    }
}

impl CustomDataset {
    fn read(reader: &Reader<'_>, name: &str) -> Result<Self, ConfigError> {
        let key = |field: &str| format!("{CUSTOM_DATASETS}.{name}.{field}");
        let json = reader.path(&key("json"))?;
        if json.is_empty() {
            return Err(reader.fail(&key("json"), "the annotation file"));
        }
        let image_root = reader.path(&key("image_root"))?;
        Ok(Self {
            name: name.to_owned(),
            json: PathBuf::from(json),
            image_root: (!image_root.is_empty()).then(|| PathBuf::from(image_root)),
            format: reader.choice(&key("type"))?,
        })
    }
}
