//! Several training datasets, each with its way of making clips.

use std::collections::{BTreeMap, BTreeSet};

use crate::random::Random;
use crate::sampler::StreamEntry;
use crate::{AnnotatedVideos, ClipMapper, ClipSample, DataError, StillMapper, VideoRecord};

/// Makes the samples of the stream.
pub trait ClipSource: Send + Sync {
    /// Makes the sample; all randomness comes from `random`.
    ///
    /// # Errors
    ///
    /// A file that cannot be used.
    fn sample(&self, entry: StreamEntry, random: &mut Random) -> Result<ClipSample, DataError>;
}

/// How the records of a dataset become clips.
#[derive(Debug, Clone, PartialEq)]
pub enum Mapper {
    /// Clips of videos.
    Video(ClipMapper),
    /// Several views of single images.
    Still(StillMapper),
}

/// A dataset and its mapper.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingPart {
    /// The records.
    pub dataset: AnnotatedVideos,
    /// How they become clips.
    pub mapper: Mapper,
}

/// All datasets of a training run.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingSet {
    parts: Vec<TrainingPart>,
}

impl TrainingSet {
    /// Creates the set; categories must already agree.
    ///
    /// # Errors
    ///
    /// No records at all.
    pub fn new(parts: Vec<TrainingPart>) -> Result<Self, DataError> {
        if parts.iter().all(|part| part.dataset.videos.is_empty()) {
            let files = parts.iter().map(|part| part.dataset.path.clone()).collect();
            return Err(DataError::NothingToTrain { files });
        }
        Ok(Self { parts })
    }

    /// Returns the datasets.
    pub fn parts(&self) -> &[TrainingPart] {
        &self.parts
    }

    /// Returns the number of records of each dataset.
    pub fn lengths(&self) -> Vec<usize> {
        self.parts.iter().map(|part| part.dataset.videos.len()).collect()
    }

    /// Returns for each dataset and record how often it should occur in an epoch, so that rare classes are trained on.
    ///
    /// A class in a fraction f of all records has the factor √(threshold / f), at least 1; a record has the largest
    /// factor of its classes.
    ///
    /// Reference: detectron2 `data/samplers/distributed_sampler.py`, `repeat_factors_from_category_frequency`.
    pub fn repeat_factors(&self, threshold: f64) -> Vec<Vec<f64>> {
        let classes = |video: &VideoRecord| -> BTreeSet<usize> {
            video
                .tracks
                .iter()
                .filter(|track| track.is_visible())
                .map(|track| track.category)
                .collect()
        };
        let mut num_records = BTreeMap::new();
        for video in self.parts.iter().flat_map(|part| &part.dataset.videos) {
            for class in classes(video) {
                *num_records.entry(class).or_insert(0_usize) += 1;
            }
        }
        let total: usize = self.lengths().iter().sum();
        let repeat = |class: &usize| {
            let share = num_records[class] as f64 / total as f64;
            (threshold / share).sqrt().max(1.0)
        };
        let of_video = |video: &VideoRecord| classes(video).iter().map(repeat).fold(1.0, f64::max);
        self.parts.iter().map(|part| part.dataset.videos.iter().map(of_video).collect()).collect()
    }

    /// Returns for each dataset and record whether its frames are wider than high.
    pub fn is_wide(&self) -> Vec<Vec<bool>> {
        let flags = |part: &TrainingPart| {
            let is_wide = part.dataset.videos.iter().map(|v| v.size.width > v.size.height);
            is_wide.collect()
        };
        self.parts.iter().map(flags).collect()
    }
}

impl ClipSource for TrainingSet {
    fn sample(&self, entry: StreamEntry, random: &mut Random) -> Result<ClipSample, DataError> {
        let part = self.parts.get(entry.dataset);
        let record = part.and_then(|part| part.dataset.videos.get(entry.record));
        let (Some(part), Some(record)) = (part, record) else {
            return Err(DataError::NoSuchRecord { dataset: entry.dataset, record: entry.record });
        };
        match &part.mapper {
            Mapper::Video(mapper) => mapper.map(record, random),
            Mapper::Still(mapper) => mapper.map(record, random),
        }
    }
}

#[cfg(test)]
mod tests;
