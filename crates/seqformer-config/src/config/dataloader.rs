//! `DATALOADER`.

use super::choice::choice;
use super::read::Reader;
use super::section::section;
use crate::ConfigError;
use crate::spec::Shown::By;
use crate::spec::tests_in::{SAMPLER, TRAIN};

section! {
    /// `DATALOADER`.
    pub struct DataloaderSection {
        num_workers: usize = "DATALOADER.NUM_WORKERS" or "4", Reader::count,
            "Loading threads for each device.",
            By(TRAIN, "the_number_of_loader_threads_changes_nothing");
        aspect_ratio_grouping: bool = "DATALOADER.ASPECT_RATIO_GROUPING" or "True", Reader::bool,
            "Batches hold wide clips only, or tall clips only.",
            By(SAMPLER, "grouped_batches_are_wide_or_not_and_lose_nobody");
        filter_empty_annotations: bool = "DATALOADER.FILTER_EMPTY_ANNOTATIONS" or "True", Reader::bool,
            "Skips videos without annotations.",
            By("seqformer-data/src/annotations/tests.rs", "test_files_without_annotations_are_read");
        sampler_train: TrainSampler = "DATALOADER.SAMPLER_TRAIN" or "'TrainingSampler'", Reader::choice,
            "Order of the records: TrainingSampler, or RepeatFactorTrainingSampler, which repeats those with rare \
             classes.",
            By(SAMPLER, "repeated_records_come_as_often_as_they_should_and_none_is_lost");
        repeat_threshold: f64 = "DATALOADER.REPEAT_THRESHOLD" or "0.0", repeat_threshold,
            "Classes in a smaller share of the records are repeated by RepeatFactorTrainingSampler.",
            By("seqformer-data/src/training_set/tests.rs", "records_with_rare_classes_are_repeated");
    }
}

choice! {
    /// `DATALOADER.SAMPLER_TRAIN`.
    pub enum TrainSampler {
        /// `TrainingSampler`: each record once in an epoch.
        Training = "TrainingSampler",
        /// `RepeatFactorTrainingSampler`: records with rare classes more than once.
        RepeatFactor = "RepeatFactorTrainingSampler",
    }
}

fn repeat_threshold(reader: &Reader<'_>, key: &str) -> Result<f64, ConfigError> {
    let threshold = reader.non_negative(key)?;
    let sampler: TrainSampler = reader.choice("DATALOADER.SAMPLER_TRAIN")?;
    if sampler == TrainSampler::RepeatFactor && threshold == 0.0 {
        let expected = "a share above 0, as SAMPLER_TRAIN is RepeatFactorTrainingSampler";
        return Err(reader.fail(key, expected));
    }
    Ok(threshold)
}
