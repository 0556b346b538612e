//! YouTube-VIS evaluation of a whole dataset.
//!
//! Reference: YouTube-VIS `cocoapi`, `YTVOSeval.evaluate`.

use rayon::prelude::*;
use seqformer_masks::{ImageSize, IouMatrix, MaskError, Overlap, PackedTrack, Rle};

use crate::matching::{Compared, Truth};
use crate::precision::{AREA_RANGES, CategoryMatches, MAX_DETECTIONS, by_score};
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
#[derive(Debug, Default)]
struct Pairing<'a> {
    truths: Vec<&'a TruthTrack>,
    results: Vec<&'a StoredResult>,
}

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
    /// As in the official tool, results of a category that the dataset does not have are left
    /// out; a warning says how many. No results at all is a table of zeros, with −1 where there
    /// is nothing to be found.
    ///
    /// # Errors
    ///
    /// A result of a video that the dataset does not have, or a damaged mask.
    pub fn evaluate(&self, results: &Results) -> Result<Evaluation, EvaluationError> {
        let pairings = self.pair(results)?;
        let videos: Vec<Result<Vec<_>, EvaluationError>> =
            pairings.into_par_iter().map(|pairings| score_video(pairings, results)).collect();
        let mut categories = vec![Vec::new(); self.truth.categories().len()];
        for video in videos {
            for (category, matches) in video? {
                categories[category].push(matches);
            }
        }
        Ok(Evaluation::new(self.truth.categories().cloned().collect(), &categories))
    }

    /// Returns the IoU of every result with every annotation of a video and category, results by
    /// score, annotations in the order of the file.
    ///
    /// # Errors
    ///
    /// As [`Self::evaluate`].
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
        let pairing = self.pair(results)?.swap_remove(video).swap_remove(category);
        Ok(Compared::new(&pairing, results)?.ious)
    }

    /// Groups annotations and results by video and category.
    fn pair<'p>(&'p self, results: &'p Results) -> Result<Vec<Vec<Pairing<'p>>>, EvaluationError> {
        let video_indices = self.truth.video_indices();
        let category_indices = self.truth.category_indices();
        let num_categories = category_indices.len();
        let empty = || std::iter::repeat_with(Pairing::default).take(num_categories).collect();
        let mut pairings: Vec<Vec<Pairing<'p>>> =
            std::iter::repeat_with(empty).take(video_indices.len()).collect();
        for (video, tracks) in self.tracks.iter().enumerate() {
            for track in tracks {
                pairings[video][category_indices[&track.category_id]].truths.push(track);
            }
        }
        let mut num_unknown = 0;
        for result in results.iter() {
            let Some(&video) = video_indices.get(&result.video_id) else {
                let message = format!(
                    "video_id: expected a video of {}, found {}",
                    self.truth.path().display(),
                    result.video_id
                );
                return Err(results.entry_error(result, message));
            };
            match category_indices.get(&result.category_id) {
                Some(&category) => pairings[video][category].results.push(result),
                None => num_unknown += 1,
            }
        }
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
    pairings: Vec<Pairing<'_>>,
    results: &Results,
) -> Result<Vec<(usize, CategoryMatches)>, EvaluationError> {
    let mut matches = Vec::new();
    for (category, pairing) in pairings.iter().enumerate() {
        if pairing.truths.is_empty() && pairing.results.is_empty() {
            continue;
        }
        matches.push((category, Compared::new(pairing, results)?.matches(AREA_RANGES)));
    }
    Ok(matches)
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
                results.entry_error(result, format!("segmentations[{frame}]: {error}"))
            })?;
            areas.push(detected.average_area);
            // The IoU of this benchmark has no crowd rule.
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

/// What there is to know of a result, from one walk over its masks.
#[derive(Debug)]
struct Detected {
    average_area: f64,
    /// One for each annotation.
    overlaps: Vec<Overlap>,
}

impl Detected {
    /// Compares a result with annotations; the error comes with the index of its frame.
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
