use seqformer_masks::{ImageSize, Rle, track_iou};

use super::{Outcome, Truth, match_detections};
use crate::AREA_RANGES;

const ALL_BITS: u16 = 0b11_1111_1111;

/// A strip of pixels `start..end` in one frame of 100 pixels.
fn strip(start: u32, end: u32) -> Vec<Option<Rle>> {
    let size = ImageSize { height: 100, width: 1 };
    vec![Some(Rle::from_counts(size, vec![start, end - start, 100 - end]).unwrap())]
}

fn truth(id: i64, is_crowd: bool) -> Truth {
    Truth { id, is_crowd, area: 50.0 }
}

fn outcomes(
    detections: &[Vec<Option<Rle>>],
    masks: &[Vec<Option<Rle>>],
    truths: &[Truth],
) -> Vec<Outcome> {
    let ious = track_iou(detections, masks, &vec![false; masks.len()]);
    let areas = vec![50.0; detections.len()];
    match_detections(&ious, &areas, truths, AREA_RANGES[0]).outcomes
}

#[test]
fn each_truth_is_found_once() {
    let found = outcomes(&[strip(0, 50), strip(0, 50)], &[strip(0, 50)], &[truth(1, false)]);
    assert_eq!(found[0], Outcome { matched: ALL_BITS, ignored: 0 });
    assert_eq!(found[1], Outcome { matched: 0, ignored: 0 });
}

#[test]
fn a_crowd_is_found_again_and_again_and_counts_for_nothing() {
    let found = outcomes(&[strip(0, 50), strip(0, 50)], &[strip(0, 50)], &[truth(1, true)]);
    assert_eq!(found, [Outcome { matched: ALL_BITS, ignored: ALL_BITS }; 2]);
}

#[test]
fn a_crowd_is_taken_only_if_nothing_else_fits() {
    let masks = [strip(0, 50), strip(0, 60)];
    let truths = [truth(1, true), truth(2, false)];
    let [found] = outcomes(&[strip(0, 50)], &masks, &truths)[..] else { panic!("one outcome") };
    // IoU 5/6 with the object: up to the threshold 0.8 it is taken although the crowd fits better.
    assert_eq!(found, Outcome { matched: ALL_BITS, ignored: 0b11_1000_0000 });
}

#[test]
fn a_truth_with_id_zero_is_taken_but_never_counts_as_found() {
    let found = outcomes(&[strip(0, 50), strip(0, 50)], &[strip(0, 50)], &[truth(0, false)]);
    assert_eq!(found, [Outcome::default(); 2]);
}

#[test]
fn unmatched_detections_outside_of_the_area_range_are_ignored() {
    let ious = track_iou(&[strip(0, 50)], &[], &[]);
    let found = match_detections(&ious, &[50.0], &[], AREA_RANGES[2]).outcomes;
    assert_eq!(found, [Outcome { matched: 0, ignored: ALL_BITS }]);
    let found = match_detections(&ious, &[16384.0], &[], AREA_RANGES[2]).outcomes;
    assert_eq!(found, [Outcome::default()]);
}
