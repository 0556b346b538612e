//! Checks before the first step of training: whether the run can be evaluated, and what it will not learn.

use seqformer_data::{AbsentInstances, Categories, DatasetKind, VideoRecord};
use seqformer_evaluation::{CocoGroundTruth, GroundTruth, IouKind};
use seqformer_training_data::{DataPlan, TrainingData};

use crate::plan::TrainPlan;
use crate::{EngineError, ScoreRules, TestSet};

/// What is known before the first step.
pub(super) struct Findings {
    /// What a user should know; each warning names its keys and figures.
    pub(super) warnings: Vec<String>,
    /// Requirements on the scores of validations.
    pub(super) rules: ScoreRules,
}

/// Inspects the configuration and the data.
///
/// # Errors
///
/// If a dataset of `DATASETS.TEST` cannot be used for evaluation, or `TEST` names a score that evaluations do not have.
pub(super) fn inspect(plan: &TrainPlan, data: &TrainingData) -> Result<Findings, EngineError> {
    let mut warnings = plan.schedule_warnings.clone();
    warnings.extend(unused_classes(&plan.data, &data.categories));
    warnings.extend(crowds(plan, data));
    let mut sets = Vec::new();
    for name in &plan.data.datasets.test {
        let named =
            |source| EngineError::TestDataset { name: name.clone(), source: Box::new(source) };
        let (categories, set) = read_test_dataset(&plan.data, name).map_err(named)?;
        warnings.extend(other_classes(name, &categories, &data.categories));
        sets.push(set);
    }
    Ok(Findings { warnings, rules: ScoreRules::new(&plan.test, &sets)? })
}

/// Classes of the network without any example. More classes in the file than in the network are an error when the file
/// is read.
fn unused_classes(plan: &DataPlan, categories: &Categories) -> Option<String> {
    let num_classes = plan.num_classes;
    let count = categories.len();
    (count < num_classes).then(|| {
        format!(
            "MODEL.SeqFormer.NUM_CLASSES is {num_classes}, but DATASETS.TRAIN has {count} categories: the last {} \
             classes have no examples, and evaluation fails if the network predicts one of them; set it to {count}",
            num_classes - count
        )
    })
}

/// Classes are compared by their index: other categories, or the same in another order, give meaningless scores.
fn other_classes(name: &str, test: &Categories, train: &Categories) -> Option<String> {
    let (test, train) = (test.names(), train.names());
    if test == train {
        return None;
    }
    let first = test.iter().zip(train).position(|(a, b)| a != b);
    let first = first.unwrap_or_else(|| test.len().min(train.len()));
    let at = |names: &[String]| names.get(first).map_or("nothing".to_owned(), |n| format!("{n:?}"));
    Some(format!(
        "DATASETS.TEST {name}: its {} categories are not the {} of DATASETS.TRAIN: number {} (sorted by id) is {} \
         here and {} there; classes are matched by this number only, so scores will not \
         belong to the classes that they name",
        test.len(),
        train.len(),
        first + 1,
        at(test),
        at(train)
    ))
}

/// Videos whose clips may have more instances than there are queries, one warning for each dataset.
fn crowds(plan: &TrainPlan, data: &TrainingData) -> Vec<String> {
    let num_queries = plan.num_queries();
    let drop_absent = plan.data.absent == AbsentInstances::Drop;
    let count = |video: &VideoRecord| max_instances(video, drop_absent);
    let warnings = data.set.parts().iter().filter_map(|part| {
        let videos = &part.dataset.videos;
        let crowded = videos.iter().filter(|video| count(video) > num_queries).count();
        let most = videos.iter().max_by_key(|video| count(video)).filter(|_| crowded > 0)?;
        Some(format!(
            "{}: {crowded} of {} videos or images have more instances than MODEL.SeqFormer.NUM_OBJECT_QUERIES \
             {num_queries}; the maximum, {}, is in number {}: in clips with more of them, \
             each query learns one instance, and the others are ignored",
            part.dataset.path.display(),
            videos.len(),
            count(most),
            most.id
        ))
    });
    warnings.collect()
}

/// The largest number of instances that a clip of the video can have.
fn max_instances(video: &VideoRecord, drop_absent: bool) -> usize {
    let counts = video.tracks.iter().filter(|track| {
        // Without this, absent instances and crowds are targets without pixels.
        !drop_absent || (!track.is_crowd && track.is_visible())
    });
    counts.count()
}

/// Reads the records and annotations of a file as an evaluation does, and returns its categories and what can be scored.
fn read_test_dataset(plan: &DataPlan, name: &str) -> Result<(Categories, TestSet), EngineError> {
    let dataset = plan.find(name)?;
    let categories = dataset.read()?.categories;
    let (masks, boxes) = match dataset.kind {
        DatasetKind::Coco => {
            let truth = CocoGroundTruth::read(&dataset.json)?;
            let has = |kind| !truth.annotations().is_empty() && truth.has(kind);
            (has(IouKind::Mask), has(IouKind::Box))
        }
        DatasetKind::Ytvis => (!GroundTruth::read(&dataset.json)?.tracks().is_empty(), false),
    };
    let classes = Some(categories.names().to_vec());
    Ok((categories, TestSet { name: name.to_owned(), masks, boxes, classes }))
}

#[cfg(test)]
mod tests;
