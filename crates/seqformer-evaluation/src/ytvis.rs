//! YouTube-VIS evaluation of a whole dataset.
//!
//! Reference: YouTube-VIS `cocoapi`, `YTVOSeval.evaluate`.

use std::collections::BTreeMap;

use rayon::prelude::*;
use seqformer_annotations::Fault;
use seqformer_masks::{ImageSize, IouMatrix, MaskError, Overlap, PackedTrack, Rle};

use crate::matching::{CategoryMatches, Compared, Truth};
use crate::other_sizes::OtherSizes;
use crate::parameters::AREA_RANGES;
use crate::precision_recall::{MAX_DETECTIONS, by_score};
use crate::results::StoredResult;
use crate::track::{StoredTrack, average_area};
use crate::{Evaluation, EvaluationError, GroundTruth, Results, TruthTrack};

/// Scores results by the rules of YouTube-VIS.
#[derive(Debug)]
pub struct YtvisEvaluator<'a> {
    truth: &'a GroundTruth,
    /// The tracks of each video, in the order of video ids.
    tracks: Vec<Vec<&'a TruthTrack>>,
}

/// What is compared within one video and category.
#[derive(Debug, Clone, Default)]
struct Pairing<'a> {
    truths: Vec<&'a TruthTrack>,
    results: Vec<&'a StoredResult>,
}

/// The pairings of one video by the place of their category.
type VideoPairings<'a> = BTreeMap<usize, Pairing<'a>>;

impl<'a> YtvisEvaluator<'a> {
    /// Creates an evaluator for a dataset.
    pub fn new(truth: &'a GroundTruth) -> Self {
        let video_indices = truth.video_indices();
        let mut tracks = vec![Vec::new(); video_indices.len()];
        for track in truth.tracks() {
            tracks[video_indices[&track.video_id]].push(track);
        }
        Self { truth, tracks }
    }

    /// Scores results.
    ///
    /// As in the official tool, results of a category that is not in the dataset are ignored; a
    /// warning gives their number. If there are no results, all scores are zero, or −1 where there
    /// is nothing to find.
    ///
    /// # Errors
    ///
    /// If a result belongs to a video that is not in the dataset, or a mask is damaged.
    pub fn evaluate(&self, results: &Results) -> Result<Evaluation, EvaluationError> {
        let pairings = self.pair(results)?;
        let videos: Vec<Result<Vec<_>, EvaluationError>> =
            pairings.into_par_iter().map(|pairings| score_video(pairings, results)).collect();
        let mut categories = BTreeMap::new();
        for video in videos {
            for (category, matches) in video? {
                categories.entry(category).or_insert_with(Vec::new).push(matches);
            }
        }
        Ok(Evaluation::new(self.truth.categories().cloned().collect(), &categories))
    }

    /// Returns the IoU of every result with every annotation of a video and category, with the
    /// results sorted by score and the annotations in the order of the file.
    ///
    /// # Errors
    ///
    /// As for [`Self::evaluate`].
    pub fn ious(
        &self,
        results: &Results,
        video_id: i64,
        category_id: i64,
    ) -> Result<IouMatrix, EvaluationError> {
        let video = self.truth.video_indices().get(&video_id).copied();
        let category = self.truth.category_indices().get(&category_id).copied();
        let (Some(video), Some(category)) = (video, category) else {
            return Ok(IouMatrix::from_rows(0, 0, Vec::new()));
        };
        let pairing = self.pair(results)?.swap_remove(video).remove(&category).unwrap_or_default();
        Ok(Compared::new(&pairing, results)?.ious)
    }

    /// Groups annotations and results by video and category.
    fn pair<'p>(&'p self, results: &'p Results) -> Result<Vec<VideoPairings<'p>>, EvaluationError> {
        let video_indices = self.truth.video_indices();
        let category_indices = self.truth.category_indices();
        let mut pairings: Vec<VideoPairings<'p>> = vec![BTreeMap::new(); video_indices.len()];
        for (video, tracks) in self.tracks.iter().enumerate() {
            for track in tracks {
                let category = category_indices[&track.category_id];
                pairings[video].entry(category).or_default().truths.push(track);
            }
        }
        let (video_ids, category_ids) = (self.truth.video_ids(), self.truth.category_ids());
        let sizes: Vec<ImageSize> = self.truth.videos().map(|video| video.size).collect();
        let mut num_unknown = 0;
        let mut other_sizes = OtherSizes::default();
        for result in results.iter() {
            let video = video_ids.number(&result.video_id);
            let Some(&video) = video.and_then(|video| video_indices.get(&video)) else {
                let expected = format!("the id of a video of {}", self.truth.path().display());
                let mend = "use the annotations that the results were made for";
                let found = result.video_id.to_string();
                return Err(
                    results.entry_error(result, Fault::new("video_id", expected, found, mend))
                );
            };
            for (frame, size) in result.masks.sizes().enumerate() {
                if let Some(size) = size {
                    let field = || format!("segmentations[{frame}]");
                    other_sizes.add([sizes[video], size], || (result.name(), field()));
                }
            }
            let category = category_ids.number(&result.category_id);
            match category.and_then(|category| category_indices.get(&category)) {
                Some(&category) => {
                    pairings[video].entry(category).or_default().results.push(result);
                }
                None => num_unknown += 1,
            }
        }
        other_sizes.warn(results.path());
        if num_unknown > 0 {
            tracing::warn!(
                "{}: {num_unknown} results left out: their category_id is not in {}",
                results.path().display(),
                self.truth.path().display()
            );
        }
        Ok(pairings)
    }
}

/// Scores the categories of one video that have annotations or results.
fn score_video(
    pairings: VideoPairings<'_>,
    results: &Results,
) -> Result<Vec<(usize, CategoryMatches)>, EvaluationError> {
    let score = |(category, pairing): (usize, Pairing<'_>)| {
        Ok((category, Compared::new(&pairing, results)?.matches(AREA_RANGES)))
    };
    pairings.into_iter().map(score).collect()
}

impl Compared {
    fn new(pairing: &Pairing<'_>, results: &Results) -> Result<Self, EvaluationError> {
        let mut ranked = pairing.results.clone();
        ranked.sort_by(|a, b| by_score(a.score, b.score));
        ranked.truncate(MAX_DETECTIONS[MAX_DETECTIONS.len() - 1]);
        let masks: Vec<&PackedTrack> = pairing.truths.iter().map(|truth| &truth.masks).collect();
        let mut areas = Vec::with_capacity(ranked.len());
        let mut ious = Vec::with_capacity(ranked.len() * masks.len());
        for result in &ranked {
            let detected = Detected::new(&result.masks, &masks).map_err(|(frame, error)| {
                let fault = Fault::of_mask(&error).within(&format!("segmentations[{frame}]"));
                results.entry_error(result, fault)
            })?;
            areas.push(detected.average_area);
            // The IoU of this benchmark treats crowds like other annotations.
            ious.extend(detected.overlaps.into_iter().map(Overlap::iou));
        }
        let truths = pairing.truths.iter().map(|truth| Truth {
            id: truth.id,
            is_crowd: truth.is_crowd,
            area: truth.average_area,
        });
        Ok(Self {
            scores: ranked.iter().map(|result| result.score).collect(),
            areas,
            truths: truths.collect(),
            ious: IouMatrix::from_rows(ranked.len(), masks.len(), ious),
        })
    }
}

/// The data of a result, from a single pass over its masks.
#[derive(Debug)]
struct Detected {
    average_area: f64,
    /// One for each annotation.
    overlaps: Vec<Overlap>,
}

impl Detected {
    /// Compares a result with annotations; an error contains the index of its frame.
    fn new(track: &StoredTrack, truths: &[&PackedTrack]) -> Result<Self, (usize, MaskError)> {
        let mut overlaps = vec![Overlap::default(); truths.len()];
        let mut areas = Vec::new();
        let mut buffer = Rle::empty(ImageSize { height: 0, width: 0 });
        for (frame, stored) in track.masks().enumerate() {
            let mask = match stored {
                Some((size, text)) => {
                    buffer.read_compressed(size, text).map_err(|error| (frame, error))?;
                    areas.push(buffer.area() as f64);
                    Some(&buffer)
                }
                None => None,
            };
            for (overlap, truth) in overlaps.iter_mut().zip(truths) {
                overlap.add(truth.overlap(frame, mask));
            }
        }
        Ok(Self { average_area: average_area(areas.into_iter()), overlaps })
    }
}

#[cfg(test)]
mod tests;
