//! What can be known of a training before its first step: whether it can be evaluated, and what it will not learn.

use seqformer_config::Config;
use seqformer_data::{Categories, DatasetKind, VideoRecord};
use seqformer_evaluation::{CocoGroundTruth, GroundTruth};

use crate::datasets::{TrainingData, find_dataset};
use crate::{EngineError, builder};

/// What a user wants to know before the first step; each with its keys and figures.
///
/// # Errors
///
/// If a dataset of `DATASETS.TEST` cannot be evaluated on.
pub(super) fn warnings(config: &Config, data: &TrainingData) -> Result<Vec<String>, EngineError> {
    let mut warnings = schedule(config);
    warnings.extend(unused_classes(config, &data.categories));
    warnings.extend(crowds(config, data));
    for name in &config.datasets.test {
        let named =
            |source| EngineError::TestDataset { name: name.clone(), source: Box::new(source) };
        let categories = read_test_dataset(config, name).map_err(named)?;
        warnings.extend(other_classes(name, &categories, &data.categories));
    }
    Ok(warnings)
}

/// Keys of the schedule that lie beyond the training's end.
fn schedule(config: &Config) -> Vec<String> {
    let solver = &config.solver;
    let mut warnings = Vec::new();
    let late: Vec<u64> = solver.steps.iter().copied().filter(|&s| s > solver.max_iter).collect();
    if !late.is_empty() {
        warnings.push(format!(
            "SOLVER.STEPS {late:?} lie beyond SOLVER.MAX_ITER {} and are left out",
            solver.max_iter
        ));
    }
    if solver.warmup_iters >= solver.max_iter && solver.warmup_factor < 1.0 {
        let last = solver.base_lr * builder::lr_schedule(config).multiplier(solver.max_iter - 1);
        warnings.push(format!(
            "SOLVER.WARMUP_ITERS {} is not below SOLVER.MAX_ITER {}: the training ends in its warm-up, at a learning \
             rate of {last:.2e}, and never reaches SOLVER.BASE_LR {:.2e}; lower WARMUP_ITERS",
            solver.warmup_iters, solver.max_iter, solver.base_lr
        ));
    }
    warnings
}

/// Classes of the network that no example is of. More classes in the file than in the network are an error when the
/// file is read.
fn unused_classes(config: &Config, categories: &Categories) -> Option<String> {
    let num_classes = config.model.seqformer.num_classes as usize;
    let count = categories.len();
    (count < num_classes).then(|| {
        format!(
            "MODEL.SeqFormer.NUM_CLASSES is {num_classes}, but DATASETS.TRAIN has {count} categories: the last {} \
             classes get no example, and an evaluation fails when the network finds one of them; set it to {count}",
            num_classes - count
        )
    })
}

/// Classes are compared by their place: other categories, or the same in another order, give meaningless scores.
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
         here and {} there; classes are told apart by this number alone, so the scores will not mean what their names \
         say",
        test.len(),
        train.len(),
        first + 1,
        at(test),
        at(train)
    ))
}

/// Videos whose clips may have more instances than there are queries, one warning for each dataset.
fn crowds(config: &Config, data: &TrainingData) -> Vec<String> {
    let num_queries = config.model.seqformer.num_queries as usize;
    let count = |video: &VideoRecord| max_instances(video, config.model.seqformer.drop_absent);
    let warnings = data.set.parts().iter().filter_map(|part| {
        let videos = &part.dataset.videos;
        let crowded = videos.iter().filter(|video| count(video) > num_queries).count();
        let most = videos.iter().max_by_key(|video| count(video)).filter(|_| crowded > 0)?;
        Some(format!(
            "{}: {crowded} of {} videos or images have more instances than MODEL.SeqFormer.NUM_OBJECT_QUERIES \
             {num_queries}; the most, {}, are in number {}: in a clip with more of them, each query learns from one, \
             and the others are left out",
            part.dataset.path.display(),
            videos.len(),
            count(most),
            most.id
        ))
    });
    warnings.collect()
}

/// The most instances that a clip of the video can have.
fn max_instances(video: &VideoRecord, drop_absent: bool) -> usize {
    let counts = video.tracks.iter().filter(|track| {
        // Without this, absent instances and crowds are targets without pixels.
        !drop_absent || (!track.is_crowd && track.is_visible())
    });
    counts.count()
}

/// Reads the file as an evaluation does, records and annotations; the categories.
fn read_test_dataset(config: &Config, name: &str) -> Result<Categories, EngineError> {
    let dataset = find_dataset(config, name)?;
    let records = dataset.read()?;
    match dataset.kind {
        DatasetKind::Coco => drop(CocoGroundTruth::read(&dataset.json)?),
        DatasetKind::Ytvis => drop(GroundTruth::read(&dataset.json)?),
    }
    Ok(records.categories)
}

#[cfg(test)]
mod tests;
