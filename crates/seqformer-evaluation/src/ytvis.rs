//! YouTube-VIS evaluation of a whole dataset.
//!
//! Reference: YouTube-VIS `cocoapi`, `YTVOSeval.evaluate`.

mod boxes;
mod groups;
mod masks;

use std::collections::BTreeMap;

use rayon::prelude::*;
use seqformer_annotations::{Fault, Video};
use seqformer_masks::{ImageSize, IouMatrix};

use crate::matching::{CategoryMatches, Compared, Truth};
use crate::other_sizes::OtherSizes;
use crate::paired_video::{PairedResult, PairedTruth, PairedVideo};
use crate::parameters::AREA_RANGES;
use crate::precision_recall::{MAX_DETECTIONS, by_score};
use crate::resampling::VideoMatches;
use crate::results::StoredResult;
use crate::{Evaluation, EvaluationError, GroundTruth, Results, TruthTrack};

pub use self::groups::GroupScore;

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

/// Compares the tracks of one video and category.
type CompareTracks = fn(&Pairing<'_>, &Results) -> Result<Compared, EvaluationError>;

/// The matches of the categories of one video, by their place.
pub(crate) type VideoCategories = Vec<(usize, CategoryMatches)>;

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
        self.evaluate_by(results, masks::compared)
    }

    /// Scores results by the boxes around their masks instead of the masks.
    ///
    /// The IoU of two tracks is the sum of the intersections of their boxes over all frames, by
    /// that of their unions. Everything else is as in [`Self::evaluate`], except that small and
    /// large results are told by the areas of their boxes, as COCO does.
    ///
    /// # Errors
    ///
    /// As for [`Self::evaluate`].
    pub fn evaluate_boxes(&self, results: &Results) -> Result<Evaluation, EvaluationError> {
        self.evaluate_by(results, boxes::compared)
    }

    /// Matches masks, so that the AP of any choice of videos can be computed.
    ///
    /// # Errors
    ///
    /// As [`Self::evaluate`].
    pub fn matches(&self, results: &Results) -> Result<VideoMatches, EvaluationError> {
        let videos = self.score_videos(results, masks::compared)?;
        Ok(VideoMatches::new(videos.into_iter().collect::<Result<_, _>>()?))
    }

    /// The same by boxes, as in [`Self::evaluate_boxes`].
    ///
    /// # Errors
    ///
    /// As [`Self::evaluate`].
    pub fn box_matches(&self, results: &Results) -> Result<VideoMatches, EvaluationError> {
        let videos = self.score_videos(results, boxes::compared)?;
        Ok(VideoMatches::new(videos.into_iter().collect::<Result<_, _>>()?))
    }

    /// Matches the categories of every video, videos in the order of ids.
    fn score_videos(
        &self,
        results: &Results,
        compare: CompareTracks,
    ) -> Result<Vec<Result<VideoCategories, EvaluationError>>, EvaluationError> {
        let score = |pairings| score_video(pairings, results, compare);
        Ok(self.pair(results)?.into_par_iter().map(score).collect())
    }

    fn evaluate_by(
        &self,
        results: &Results,
        compare: CompareTracks,
    ) -> Result<Evaluation, EvaluationError> {
        let videos = self.score_videos(results, compare)?;
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
        Ok(masks::compared(&pairing, results)?.ious)
    }

    /// Brings the annotations and results of every video together, videos in the order of ids.
    ///
    /// As in [`Self::evaluate`], results of a category that the dataset does not have are left out;
    /// a warning says how many.
    ///
    /// # Errors
    ///
    /// A result of a video that the dataset does not have.
    pub fn videos<'p>(
        &'p self,
        results: &'p Results,
    ) -> Result<Vec<PairedVideo<'p>>, EvaluationError> {
        let paired = |(video, pairings): (&'p Video, VideoPairings<'p>)| {
            let (mut truths, mut found) = (Vec::new(), Vec::new());
            for (category, pairing) in pairings {
                let truth = |track| PairedTruth { category, track };
                truths.extend(pairing.truths.into_iter().map(truth));
                let result = |stored| PairedResult::new(category, stored, results);
                found.extend(pairing.results.into_iter().map(result));
            }
            PairedVideo::new(video, truths, found)
        };
        Ok(self.truth.videos().zip(self.pair(results)?).map(paired).collect())
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
        if !results.is_first_warning() {
            return Ok(pairings);
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
    compare: CompareTracks,
) -> Result<VideoCategories, EvaluationError> {
    let score = |(category, pairing): (usize, Pairing<'_>)| {
        Ok((category, compare(&pairing, results)?.matches(AREA_RANGES)))
    };
    pairings.into_iter().map(score).collect()
}

impl<'a> Pairing<'a> {
    /// Returns the results that count, best first.
    fn ranked(&self) -> Vec<&'a StoredResult> {
        let mut ranked = self.results.clone();
        ranked.sort_by(|a, b| by_score(a.score, b.score));
        ranked.truncate(MAX_DETECTIONS[MAX_DETECTIONS.len() - 1]);
        ranked
    }

    fn matched_truths(&self) -> Vec<Truth> {
        let truth = |truth: &&TruthTrack| Truth {
            id: truth.id,
            is_crowd: truth.is_crowd,
            area: truth.average_area,
        };
        self.truths.iter().map(truth).collect()
    }
}

#[cfg(test)]
mod tests;
