//! Reads the datasets of a configuration for the mappers.

use std::path::{Path, PathBuf};

use seqformer_config::config::{AnnotationFormat, CustomDataset, DatasetsSection};
use seqformer_config::expand_path;
use seqformer_data::{
    AnnotatedVideos, Catalog, Categories, CategoryMap, ClassTable, CocoTable, DatasetKind,
    DatasetSource, TrainingPart, TrainingSet,
};

use crate::{DataPlan, TrainingDataError};

/// The environment variable for the folder of built-in datasets, as in detectron2.
const ROOT_VARIABLE: &str = "DETECTRON2_DATASETS";
const DEFAULT_ROOT: &str = "datasets";
/// Number of most frequent classes whose instances are counted in the log.
const NAMED_CLASSES: usize = 50;

/// The data of a training.
#[derive(Debug)]
pub struct TrainingData {
    /// All datasets with their mappers.
    pub set: TrainingSet,
    /// The classes of the first dataset, which all datasets share.
    pub categories: Categories,
    /// Notes for the user.
    pub notes: Vec<String>,
}

impl TrainingData {
    /// Returns one line per dataset: its size, and the instances of each class.
    pub fn describe(&self) -> Vec<String> {
        self.set.parts().iter().map(|part| describe(&part.dataset)).collect()
    }
}

fn describe(dataset: &AnnotatedVideos) -> String {
    let videos = &dataset.videos;
    let frames: usize = videos.iter().map(|video| video.frames.len()).sum();
    let mut of_class = vec![0_usize; dataset.categories.len()];
    let tracks = videos.iter().flat_map(|video| &video.tracks).filter(|track| !track.is_crowd);
    for track in tracks.filter(|track| track.is_visible()) {
        if let Some(count) = of_class.get_mut(track.category) {
            *count += 1;
        }
    }
    let most = videos.iter().map(|video| video.tracks.len()).max().unwrap_or(0);
    let mut counts: Vec<(usize, &String)> =
        of_class.iter().copied().zip(dataset.categories.names()).collect();
    counts.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let classes: Vec<String> =
        counts.iter().take(NAMED_CLASSES).map(|(count, name)| format!("{name} {count}")).collect();
    let rest = match counts.len().saturating_sub(NAMED_CLASSES) {
        0 => String::new(),
        rest => format!(", and {rest} more"),
    };
    let is_complete = |complete: &Vec<usize>| complete.len() == dataset.categories.len();
    let lists = videos.iter().filter_map(|video| video.exhaustive.as_ref());
    let partly = match lists.filter(|&complete| !is_complete(complete)).count() {
        0 => String::new(),
        count => format!("; {count} are not completely annotated in all classes"),
    };
    format!(
        "{}: {} videos or images, {frames} frames, {} instances, at most {most} in one; of {} classes: {}{rest}{partly}",
        dataset.path.display(),
        videos.len(),
        of_class.iter().sum::<usize>(),
        counts.len(),
        classes.join(", ")
    )
}

/// Finds a dataset by its name: one of `DATASETS.CUSTOM`, an annotation file (a name that ends in `.json`), or a
/// built-in one.
///
/// Without an image root, the frames of a file are in `JPEGImages` beside it or, for `annotations/train.json`, in
/// `train/JPEGImages` or `train` beside that folder; otherwise names are relative to the file's own folder.
///
/// # Errors
///
/// If the name is unknown; the message lists the known names.
pub fn find_dataset(
    datasets: &DatasetsSection,
    name: &str,
) -> Result<DatasetSource, TrainingDataError> {
    if let Some(own) = datasets.own(name) {
        return Ok(declared(&own));
    }
    let mut catalog = Catalog::new(&dataset_root()?);
    for custom in &datasets.custom {
        catalog.declare(declared(custom));
    }
    Ok(catalog.get(name)?)
}

impl DataPlan {
    /// Finds a dataset by its name; see [`find_dataset`].
    ///
    /// # Errors
    ///
    /// If the name is unknown.
    pub fn find(&self, name: &str) -> Result<DatasetSource, TrainingDataError> {
        find_dataset(&self.datasets, name)
    }
}

/// The folder of the built-in datasets.
fn dataset_root() -> Result<PathBuf, TrainingDataError> {
    let Some(root) = std::env::var_os(ROOT_VARIABLE).filter(|root| !root.is_empty()) else {
        return Ok(PathBuf::from(DEFAULT_ROOT));
    };
    let Some(text) = root.to_str() else { return Ok(PathBuf::from(root)) };
    let expanded = expand_path(text).map_err(|error| {
        TrainingDataError::Settings(format!("{ROOT_VARIABLE}: {text}: {error}"))
    })?;
    Ok(PathBuf::from(expanded))
}

fn declared(custom: &CustomDataset) -> DatasetSource {
    DatasetSource {
        name: custom.name.clone(),
        kind: match custom.format {
            AnnotationFormat::Ytvis => DatasetKind::Ytvis,
            AnnotationFormat::Coco => DatasetKind::Coco,
        },
        json: custom.json.clone(),
        image_root: custom.image_root.clone().unwrap_or_else(|| image_root(&custom.json)),
        classes: None,
    }
}

/// The folder of the images of an annotation file; see [`find_dataset`].
pub fn image_root(json: &Path) -> PathBuf {
    let folder = json.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let split = folder.join("..").join(json.file_stem().unwrap_or_default());
    let candidates = [folder.join("JPEGImages"), split.join("JPEGImages"), split];
    candidates.into_iter().find(|path| path.is_dir()).unwrap_or_else(|| folder.to_path_buf())
}

/// Reads the datasets of `DATASETS.TRAIN` and checks them against the network.
///
/// All get the classes of the first one: through `DATASETS.CATEGORY_MAP`, the table from COCO, or equal names.
///
/// # Errors
///
/// If there is none, a file cannot be used, there are more classes than the network has, or a dataset shares no class
/// with the first one.
pub fn training_data(plan: &DataPlan) -> Result<TrainingData, TrainingDataError> {
    let mut sources = Vec::new();
    for name in &plan.datasets.train {
        sources.push(plan.find(name)?);
    }
    let Some(target) = sources.first() else {
        let what =
            "DATASETS.TRAIN names no dataset: write the name of one, or the path of a .json file";
        return Err(TrainingDataError::Settings(what.to_owned()));
    };
    check_pretraining(plan, &sources)?;
    let mut notes = Vec::new();
    let mut parts: Vec<TrainingPart> = Vec::new();
    let mut categories = None;
    for source in &sources {
        let mut dataset = source.read()?;
        // The notes also stay with the dataset, whose check reports what was dropped.
        notes.extend(dataset.notes.iter().cloned());
        if let Some(categories) = &categories
            && dataset.categories != *categories
        {
            let map = category_map(plan, target, source, &dataset.categories, categories);
            dataset = joined(dataset, &map, categories, (target, source), &mut notes)?;
        }
        dataset.check_for_training(plan.num_classes)?;
        if plan.filter_empty {
            dataset.remove_empty();
        }
        categories.get_or_insert_with(|| dataset.categories.clone());
        parts.push(TrainingPart { mapper: plan.mapper(source.kind), dataset });
    }
    let categories = categories.unwrap_or_default();
    Ok(TrainingData { set: TrainingSet::new(parts)?, categories, notes })
}

/// `INPUT.COCO_PRETRAIN` means that clips are views of images, in which nothing moves.
fn check_pretraining(plan: &DataPlan, sources: &[DatasetSource]) -> Result<(), TrainingDataError> {
    let video = sources.iter().find(|source| source.kind == DatasetKind::Ytvis);
    let what = match video {
        Some(video) if plan.coco_pretrain => format!(
            "INPUT.COCO_PRETRAIN True trains on images only, but DATASETS.TRAIN contains the videos of {}: remove \
             them, or set it to False to train on both",
            video.name
        ),
        None if !plan.coco_pretrain && plan.num_frames > 1 => format!(
            "DATASETS.TRAIN contains only images, and INPUT.SAMPLING_FRAME_NUM is {}: set INPUT.COCO_PRETRAIN True for \
             clips of several views of an image, or SAMPLING_FRAME_NUM 1 for single images",
            plan.num_frames
        ),
        _ => return Ok(()),
    };
    Err(TrainingDataError::Settings(what))
}

/// The map from the classes of `source` to those of `target`.
fn category_map(
    plan: &DataPlan,
    target: &DatasetSource,
    source: &DatasetSource,
    from: &Categories,
    to: &Categories,
) -> CategoryMap {
    if !plan.datasets.category_map.is_empty() {
        return CategoryMap::new(plan.datasets.category_map.clone());
    }
    let is_coco =
        source.classes == Some(ClassTable::Coco) || *from == ClassTable::Coco.categories();
    let table = target.classes.filter(|_| is_coco);
    let map = table.and_then(|table| CategoryMap::from_coco(table, CocoTable::default()));
    map.unwrap_or_else(|| CategoryMap::by_name(from, to))
}

/// Gives `dataset` the classes of the first one, and reports what was dropped.
fn joined(
    dataset: AnnotatedVideos,
    map: &CategoryMap,
    categories: &Categories,
    (target, source): (&DatasetSource, &DatasetSource),
    notes: &mut Vec<String>,
) -> Result<AnnotatedVideos, TrainingDataError> {
    let kept = |id: &u64| map.get(*id).is_some_and(|id| categories.contiguous(id).is_some());
    let num_kept = dataset.categories.ids().iter().filter(|id| kept(id)).count();
    if num_kept == 0 {
        return Err(TrainingDataError::Settings(format!(
            "DATASETS.TRAIN: {} and {} have no class in common; map them with DATASETS.CATEGORY_MAP, a list of pairs \
             of their ids",
            source.name, target.name
        )));
    }
    let (num_classes, num_records) = (dataset.categories.len(), dataset.videos.len());
    let dataset = map.apply(dataset, categories);
    notes.push(format!(
        "dataset {}: {num_kept} of its {num_classes} classes become classes of {}; {} of {num_records} records \
         contain any",
        source.name,
        target.name,
        dataset.videos.len()
    ));
    Ok(dataset)
}
