//! The protocol of MOTS: masks do not overlap, and what lies in a crowd region counts nothing.
//!
//! Voigtlaender et al., "MOTS: Multi-Object Tracking and Segmentation" (CVPR 2019), section 4.
//! Reference: TrackEval, `datasets/mots_challenge.py`, `MOTSChallenge.get_preprocessed_seq_data`.

use std::collections::BTreeMap;

use crate::alignment::assign;
use crate::clear::ClearCounts;
use crate::disjoint::{Lost, by_score, covered, make_disjoint};
use crate::sequence::Sequence;
use crate::tracks::{Track, VideoTracks};

/// Least IoU of a match, and the part of a result above which a crowd region takes it.
const THRESHOLD: f64 = 0.5;
/// Worse than any pair that matches.
const NO_MATCH: f64 = 10_000.0;

/// What the protocol changed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Changes {
    pub(crate) truths: Lost,
    pub(crate) results: Lost,
    /// How many masks of results lie in crowd regions and are left out.
    pub(crate) num_ignored: usize,
}

impl Changes {
    pub(crate) fn add(&mut self, other: Self) {
        self.truths.add(other.truths);
        self.results.add(other.results);
        self.num_ignored += other.num_ignored;
    }
}

/// Compares each class of a video.
pub(crate) fn clear_of_video(mut video: VideoTracks) -> (BTreeMap<usize, ClearCounts>, Changes) {
    let (size, num_frames) = (video.size, video.num_frames);
    // Objects before crowds, each in the order of the file.
    let mut truths: Vec<&mut Track> = video.truths.iter_mut().collect();
    truths.sort_by_key(|track| track.is_crowd);
    let mut changes = Changes {
        truths: make_disjoint(&mut truths, size, num_frames),
        results: make_disjoint(&mut by_score(&mut video.results), size, num_frames),
        num_ignored: 0,
    };
    let mut counts = BTreeMap::new();
    for (category, [truths, results]) in by_category(&video) {
        let (crowds, truths): (Vec<&Track>, Vec<&Track>) =
            truths.into_iter().partition(|track| track.is_crowd);
        let mut sequence = Sequence::new(&truths, &results, num_frames);
        if !crowds.is_empty() {
            changes.num_ignored += leave_out(&mut sequence, &results, &crowds, &video);
        }
        counts.insert(category, ClearCounts::new(&sequence));
    }
    (counts, changes)
}

/// Returns the annotated and the found tracks of every category that has any.
pub(crate) fn by_category(video: &VideoTracks) -> BTreeMap<usize, [Vec<&Track>; 2]> {
    let mut categories: BTreeMap<usize, [Vec<&Track>; 2]> = BTreeMap::new();
    for (side, tracks) in [&video.truths, &video.results].into_iter().enumerate() {
        for track in tracks {
            categories.entry(track.category).or_default()[side].push(track);
        }
    }
    categories
}

/// Leaves out the masks of results that match nothing and lie in crowd regions.
fn leave_out(
    sequence: &mut Sequence,
    results: &[&Track],
    crowds: &[&Track],
    video: &VideoTracks,
) -> usize {
    let mut num_ignored = 0;
    for (number, frame) in sequence.frames.iter_mut().enumerate() {
        let (num_rows, num_columns) = (frame.truths.len(), frame.results.len());
        let cost = |iou: &f64| if *iou < THRESHOLD - f64::EPSILON { NO_MATCH } else { -iou };
        let costs: Vec<f64> = frame.ious.iter().map(cost).collect();
        let mut is_matched = vec![false; num_columns];
        for pair in assign(&costs, num_rows, num_columns) {
            is_matched[pair.column] = costs[pair.row * num_columns + pair.column] < -f64::EPSILON;
        }
        let region = covered(crowds.iter().copied(), number, video.size);
        let is_ignored = |column: &usize| {
            let Some(mask) = &results[frame.results[*column]].masks[number] else { return false };
            let common = mask.intersection_area(&region).unwrap_or(0);
            let part = if common == 0 { 0.0 } else { common as f64 / mask.area() as f64 };
            !is_matched[*column] && part > THRESHOLD + f64::EPSILON
        };
        let ignored: Vec<usize> = (0..num_columns).filter(is_ignored).collect();
        num_ignored += ignored.len();
        frame.remove_results(&ignored);
    }
    num_ignored
}

#[cfg(test)]
mod tests {
    use seqformer_masks::ImageSize;

    use super::clear_of_video;
    use crate::counts::Counts as _;
    use crate::sequence::tests::track;
    use crate::tracks::{Track, VideoTracks};

    fn video(truths: Vec<Track>, results: Vec<Track>) -> VideoTracks {
        VideoTracks { num_frames: 1, size: ImageSize { height: 1, width: 8 }, truths, results }
    }

    fn crowd(category: usize, frame: &str) -> Track {
        Track { is_crowd: true, ..track(category, 0.0, &[frame]) }
    }

    #[test]
    fn what_lies_in_a_crowd_region_of_its_class_does_not_count() {
        let truths = || vec![track(0, 0.0, &["##......"]), crowd(0, "...#####")];
        let in_crowd = || track(0, 0.5, &["..###..."]);
        let (counts, changes) = clear_of_video(video(truths(), vec![in_crowd()]));
        let found = counts[&0].scores();
        assert_eq!([found.number("FP"), found.number("FN")], [Some(0.0), Some(1.0)]);
        assert_eq!(changes.num_ignored, 1);
        // Half of it is not enough, and neither is a region of another class.
        let half = track(0, 0.5, &["..##...."]);
        let (counts, changes) = clear_of_video(video(truths(), vec![half]));
        assert_eq!((counts[&0].scores().number("FP"), changes.num_ignored), (Some(1.0), 0));
        let other = vec![crowd(1, "..######")];
        let (counts, _) = clear_of_video(video(other, vec![in_crowd()]));
        assert_eq!(counts[&0].scores().number("FP"), Some(1.0));
        assert!(counts[&1].is_empty());
    }

    #[test]
    fn a_match_counts_though_it_lies_in_a_crowd_region() {
        let truths = vec![crowd(0, "########"), track(0, 0.0, &["####...."])];
        let (counts, changes) = clear_of_video(video(truths, vec![track(0, 0.5, &["####...."])]));
        assert_eq!((counts[&0].scores().number("TP"), changes.num_ignored), (Some(1.0), 0));
        // The object keeps its pixels, the crowd has the others.
        assert_eq!((changes.truths.num_masks, changes.truths.num_pixels), (1, 4));
    }

    #[test]
    fn results_of_two_classes_share_no_pixel() {
        let results = vec![track(0, 0.5, &["######.."]), track(1, 0.9, &[".....###"])];
        let truths = vec![track(0, 0.0, &["#####..."])];
        let (counts, changes) = clear_of_video(video(truths, results));
        assert_eq!(counts[&0].scores().number("MOTSP"), Some(1.0));
        assert_eq!((changes.results.num_masks, changes.results.num_pixels), (1, 1));
    }
}
