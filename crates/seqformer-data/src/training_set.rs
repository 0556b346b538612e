//! Several training datasets, each with its way of making clips.

use std::collections::{BTreeMap, BTreeSet};

use crate::cutouts::CutoutPool;
use crate::random::Random;
use crate::sampler::StreamEntry;
use crate::{
    AnnotatedVideos, ClipMapper, ClipSample, CutoutMapper, DataError, OriginalMapper, StillMapper,
    VideoRecord,
};

/// Clips of a dataset that are drawn before it is an error that none is accepted.
const MAX_DRAWS: usize = 100;

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
    /// Moving cut-outs of images, or several views of one.
    Cutouts(CutoutMapper),
    /// Clips of videos or views of images, by the rules of the original repository.
    Original(OriginalMapper),
}

impl Mapper {
    /// Returns how many items of the stream a record is.
    fn num_items(&self, record: &VideoRecord) -> usize {
        match self {
            Self::Video(_) | Self::Still(_) | Self::Cutouts(_) => 1,
            Self::Original(mapper) => mapper.num_items(record),
        }
    }
}

/// A dataset and its mapper.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingPart {
    /// The records.
    pub dataset: AnnotatedVideos,
    /// How they become clips.
    pub mapper: Mapper,
}

impl TrainingPart {
    /// Returns what `of` says of the records, once for each of their items.
    fn of_items<T: Clone>(&self, of: impl Fn(&VideoRecord) -> T) -> Vec<T> {
        let records = self.dataset.videos.iter();
        let repeated = records.flat_map(|record| vec![of(record); self.mapper.num_items(record)]);
        repeated.collect()
    }
}

/// All datasets of a training run.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingSet {
    parts: Vec<TrainingPart>,
    /// For each dataset and record the number of items up to its end.
    ends: Vec<Vec<usize>>,
    /// For each dataset what can be cut out of it, if its mapper does so.
    pools: Vec<Option<CutoutPool>>,
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
        let ends_of = |part: &TrainingPart| {
            let records = part.dataset.videos.iter();
            let add = |sum: &mut usize, record: &VideoRecord| {
                *sum += part.mapper.num_items(record);
                Some(*sum)
            };
            records.scan(0, add).collect()
        };
        let ends = parts.iter().map(ends_of).collect();
        let pool_of = |part: &TrainingPart| {
            let has_cutouts = matches!(part.mapper, Mapper::Cutouts(_));
            has_cutouts.then(|| CutoutPool::new(&part.dataset.videos))
        };
        let pools = parts.iter().map(pool_of).collect();
        Ok(Self { parts, ends, pools })
    }

    /// Returns the datasets.
    pub fn parts(&self) -> &[TrainingPart] {
        &self.parts
    }

    /// Returns the number of items of each dataset, from which the stream is drawn: its records, or
    /// their frames if an [`OriginalMapper`] makes clips of videos.
    pub fn lengths(&self) -> Vec<usize> {
        self.ends.iter().map(|ends| ends.last().copied().unwrap_or(0)).collect()
    }

    /// Returns the record of an item, and which of its items it is.
    fn record_of(&self, entry: StreamEntry) -> Option<(&TrainingPart, &VideoRecord, usize)> {
        let (part, ends) = (self.parts.get(entry.dataset)?, self.ends.get(entry.dataset)?);
        let index = ends.partition_point(|&end| end <= entry.record);
        let record = part.dataset.videos.get(index)?;
        let start = if index == 0 { 0 } else { ends[index - 1] };
        Some((part, record, entry.record - start))
    }

    /// Returns for each dataset and item how often it should occur in an epoch, so that rare classes are trained on.
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
        let total: usize = self.parts.iter().map(|part| part.dataset.videos.len()).sum();
        let repeat = |class: &usize| {
            let share = num_records[class] as f64 / total as f64;
            (threshold / share).sqrt().max(1.0)
        };
        let of_video = |video: &VideoRecord| classes(video).iter().map(repeat).fold(1.0, f64::max);
        self.parts.iter().map(|part| part.of_items(of_video)).collect()
    }

    /// Returns for each dataset and item whether its frames are wider than high.
    pub fn is_wide(&self) -> Vec<Vec<bool>> {
        let is_wide = |video: &VideoRecord| video.size.width > video.size.height;
        self.parts.iter().map(|part| part.of_items(is_wide)).collect()
    }

    /// Draws clips, the first one of `entry`, until one is accepted.
    fn original(
        &self,
        mapper: &OriginalMapper,
        mut entry: StreamEntry,
        random: &mut Random,
    ) -> Result<ClipSample, DataError> {
        for _draw in 0..MAX_DRAWS {
            let Some((_, record, frame)) = self.record_of(entry) else { break };
            let clip = mapper.map(record, frame, random)?;
            if mapper.accepts(&clip) {
                return Ok(clip);
            }
            entry.record = random.index(self.lengths()[entry.dataset]);
        }
        let path = self.parts[entry.dataset].dataset.path.clone();
        Err(DataError::NoAcceptedClip { path, tries: MAX_DRAWS })
    }
}

impl ClipSource for TrainingSet {
    fn sample(&self, entry: StreamEntry, random: &mut Random) -> Result<ClipSample, DataError> {
        let Some((part, record, _)) = self.record_of(entry) else {
            return Err(DataError::NoSuchRecord { dataset: entry.dataset, record: entry.record });
        };
        match &part.mapper {
            Mapper::Video(mapper) => mapper.map(record, random),
            Mapper::Still(mapper) => mapper.map(record, random),
            Mapper::Cutouts(mapper) => match &self.pools[entry.dataset] {
                Some(pool) => mapper.map(&part.dataset.videos, entry.record, pool, random),
                None => mapper.still.map(record, random),
            },
            Mapper::Original(mapper) => self.original(mapper, entry, random),
        }
    }
}

#[cfg(test)]
mod tests;
