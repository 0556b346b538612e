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
