//! The datasets that a configuration names, read and ready for the mappers.

use std::path::{Path, PathBuf};

use seqformer_config::Config;
use seqformer_config::config::{self, CropType, ShortEdgeSampling};
use seqformer_data::{
    Augmentation, Catalog, Categories, CategoryMap, ClipMapper, ClipSampling, CocoTable,
    DatasetKind, DatasetSource, FrameStep, Mapper, RandomCrop, RandomFlip, ShortEdge, StillMapper,
    TrainingPart, TrainingSet, UnseenInstances,
};

use crate::EngineError;

/// Names the folder of the built-in datasets, as in detectron2.
const ROOT_VARIABLE: &str = "DETECTRON2_DATASETS";
const DEFAULT_ROOT: &str = "datasets";

/// What a training reads.
#[derive(Debug)]
pub struct TrainingData {
    /// All datasets with their mappers.
    pub set: TrainingSet,
    /// The classes of the first dataset, which all share.
    pub categories: Categories,
    /// Remarks for the user.
    pub notes: Vec<String>,
}

/// Finds a dataset by its name, or by its annotation file: a name that ends in `.json`.
///
/// The frames of a file lie in `JPEGImages` beside it or, for `annotations/train.json`, in
/// `train/JPEGImages` beside that folder; otherwise the file's own folder is the root of its names.
///
/// # Errors
///
/// If there is no such name; the message lists those there are.
pub fn find_dataset(name: &str) -> Result<DatasetSource, EngineError> {
    let path = Path::new(name);
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        return Ok(DatasetSource {
            name: name.to_owned(),
            kind: DatasetKind::Ytvis,
            json: path.to_path_buf(),
            image_root: image_root(path),
            classes: None,
        });
    }
    let root = std::env::var_os(ROOT_VARIABLE).filter(|root| !root.is_empty());
    let root = root.map_or_else(|| PathBuf::from(DEFAULT_ROOT), PathBuf::from);
    Ok(Catalog::new(&root).get(name)?)
}

fn image_root(json: &Path) -> PathBuf {
    let folder = json.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let split = json.file_stem().map(|stem| folder.join("..").join(stem).join("JPEGImages"));
    let candidates = [Some(folder.join("JPEGImages")), split];
    candidates
        .into_iter()
        .flatten()
        .find(|path| path.is_dir())
        .unwrap_or_else(|| folder.to_path_buf())
}

/// Reads the datasets of `DATASETS.TRAIN` and checks them against the network.
///
/// # Errors
///
/// If none is named, a file cannot be used, there are more classes than the network has, or the datasets
/// have different classes.
pub fn training_data(config: &Config) -> Result<TrainingData, EngineError> {
    let mut parts = Vec::new();
    let mut notes = Vec::new();
    let mut first: Option<(DatasetSource, Categories)> = None;
    for name in &config.datasets.train {
        let source = find_dataset(name)?;
        let mut dataset = source.read()?;
        notes.append(&mut dataset.notes);
        if let Some((target, _)) = &first
            && source.kind == DatasetKind::Coco
            && let Some(map) =
                target.classes.and_then(|table| CategoryMap::from_coco(table, CocoTable::default()))
        {
            if let Some((_, categories)) = &first {
                dataset = map.apply(dataset, categories);
            }
        }
        dataset.check_for_training(config.model.seqformer.num_classes as usize)?;
        if config.dataloader.filter_empty_annotations {
            dataset.remove_empty();
        }
        match &first {
            Some((target, categories)) if *categories != dataset.categories => {
                let what =
                    format!("DATASETS.TRAIN: {} and {name} have different classes", target.name);
                return Err(EngineError::Unsupported(what));
            }
            Some(_) => {}
            None => first = Some((source.clone(), dataset.categories.clone())),
        }
        parts.push(TrainingPart { mapper: mapper(config, source.kind), dataset });
    }
    let Some((_, categories)) = first else {
        let what =
            "DATASETS.TRAIN names no dataset: write the name of one, or the path of a .json file";
        return Err(EngineError::Unsupported(what.to_owned()));
    };
    Ok(TrainingData { set: TrainingSet::new(parts)?, categories, notes })
}

fn mapper(config: &Config, kind: DatasetKind) -> Mapper {
    let input = &config.input;
    let unseen = if config.model.seqformer.drop_absent {
        UnseenInstances::Drop
    } else {
        UnseenInstances::Keep
    };
    let augmentation = augmentation(config);
    match kind {
        DatasetKind::Ytvis => Mapper::Video(ClipMapper {
            sampling: ClipSampling {
                num_frames: input.sampling_frame_num,
                range: input.sampling_frame_range,
                interval: input.sampling_interval,
                shuffle: input.sampling_frame_shuffle,
            },
            augmentation,
            unseen,
        }),
        DatasetKind::Coco => Mapper::Still(StillMapper {
            num_frames: input.sampling_frame_num,
            augmentation,
            same_views: false,
            unseen,
        }),
    }
}

/// The augmentation of `INPUT`.
fn augmentation(config: &Config) -> Augmentation {
    let input = &config.input;
    // Differs: sizes and flips are drawn once for a clip whatever the key says, because frames of
    // several sizes make no clip.
    let sizes = &input.min_size_train;
    let short_edge = match input.min_size_train_sampling {
        ShortEdgeSampling::Choice | ShortEdgeSampling::ChoiceByClip => {
            ShortEdge::Choice(sizes.clone())
        }
        ShortEdgeSampling::Range | ShortEdgeSampling::RangeByClip => {
            ShortEdge::Range(sizes[0], sizes[sizes.len() - 1])
        }
    };
    let flip = match input.random_flip {
        config::RandomFlip::None => RandomFlip::None,
        config::RandomFlip::Horizontal | config::RandomFlip::FlipByClip => RandomFlip::Horizontal,
        config::RandomFlip::Vertical => RandomFlip::Vertical,
    };
    let [first, second] = input.crop.size;
    let crop = input.crop.enabled.then(|| match input.crop.crop_type {
        CropType::Relative => RandomCrop::Relative(input.crop.size),
        CropType::RelativeRange => RandomCrop::RelativeRange(input.crop.size),
        CropType::Absolute => RandomCrop::Absolute([first as u32, second as u32]),
        CropType::AbsoluteRange => RandomCrop::AbsoluteRange(first as u32, second as u32),
    });
    let has = |name: &str| input.augmentations.iter().any(|augmentation| augmentation == name);
    let steps = [
        ("brightness", FrameStep::Brightness),
        ("contrast", FrameStep::Contrast),
        ("saturation", FrameStep::Saturation),
        ("rotation", FrameStep::Rotation),
    ];
    let frame_steps =
        steps.into_iter().filter(|(name, _)| has(name)).map(|(_, step)| step).collect();
    Augmentation { short_edge, max_size: input.max_size_train, flip, crop, frame_steps }
}
