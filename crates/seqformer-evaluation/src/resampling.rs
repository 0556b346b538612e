//! The AP of any choice of videos, without matching them again.

use std::collections::BTreeMap;

use crate::matching::{CategoryMatches, Outcome};
use crate::parameters::NUM_THRESHOLDS;
use crate::precision_recall::{average_precision, by_score};

/// The matches of all videos of a dataset.
#[derive(Debug, Clone)]
pub struct VideoMatches {
    num_videos: usize,
    categories: BTreeMap<usize, RankedCategory>,
}

/// The detections of one category, best score first.
#[derive(Debug, Clone, Default)]
struct RankedCategory {
    /// Videos, and how many objects there are to be found.
    positives: Vec<(usize, usize)>,
    /// Videos, scores and what became of the detection.
    detections: Vec<(usize, f64, Outcome)>,
}

impl VideoMatches {
    /// Takes the matches of all videos, in the order of ids.
    pub(crate) fn new(videos: Vec<Vec<(usize, CategoryMatches)>>) -> Self {
        let num_videos = videos.len();
        let mut categories: BTreeMap<usize, RankedCategory> = BTreeMap::new();
        for (video, matches) in videos.into_iter().enumerate() {
            for (category, CategoryMatches { scores, by_area: [all, ..] }) in matches {
                let ranked = categories.entry(category).or_default();
                ranked.positives.push((video, all.num_positives));
                let detections = scores.into_iter().zip(all.outcomes);
                ranked
                    .detections
                    .extend(detections.map(|(score, outcome)| (video, score, outcome)));
            }
        }
        for ranked in categories.values_mut() {
            ranked.detections.sort_by(|a, b| by_score(a.1, b.1));
        }
        Self { num_videos, categories }
    }

    /// Returns how many videos there are.
    pub fn num_videos(&self) -> usize {
        self.num_videos
    }

    /// Returns the AP over all areas of the categories, by their place, that have something to be
    /// found, if every video is there so many times.
    ///
    /// # Panics
    ///
    /// Unless `times` has one number for each video.
    pub fn class_ap(&self, times: &[u32]) -> BTreeMap<usize, f64> {
        assert_eq!(times.len(), self.num_videos, "one number for each video");
        let ap =
            |(&category, ranked): (&usize, &RankedCategory)| Some((category, ranked.ap(times)?));
        self.categories.iter().filter_map(ap).collect()
    }
}

impl RankedCategory {
    fn ap(&self, times: &[u32]) -> Option<f64> {
        let positives = self.positives.iter();
        let num_positives = positives.map(|&(video, count)| count * times[video] as usize).sum();
        let mut sum = 0.0;
        for threshold in 0..NUM_THRESHOLDS {
            let detections = self.detections.iter().flat_map(|&(video, _, outcome)| {
                let is_right = match outcome.ignored >> threshold & 1 {
                    0 => Some(outcome.matched >> threshold & 1 == 1),
                    _ => None,
                };
                std::iter::repeat_n(is_right, times[video] as usize)
            });
            sum += average_precision(detections, num_positives)?;
        }
        Some(sum / NUM_THRESHOLDS as f64)
    }
}
