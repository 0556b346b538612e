//! Packed tracks against tracks of plain masks.

use proptest::prelude::*;

use super::*;
use crate::track_iou;

/// Masks of few sizes, with runs on both sides of what two bytes hold.
fn mask() -> impl Strategy<Value = Rle> {
    let count = prop_oneof![Just(0_u32), 0_u32..9, 65_530_u32..65_540, 0_u32..400_000];
    (prop::collection::vec(count, 0..40), 1_u32..3).prop_map(|(mut counts, height)| {
        let num_pixels = 1 << 24;
        counts.push(num_pixels - counts.iter().sum::<u32>());
        let size = ImageSize { height, width: num_pixels / height };
        Rle::from_counts(size, counts).unwrap()
    })
}

fn track() -> impl Strategy<Value = Vec<Option<Rle>>> {
    prop::collection::vec(prop::option::of(mask()), 0..5)
}

fn packed(track: &[Option<Rle>]) -> PackedTrack {
    let mut packed = PackedTrack::default();
    for mask in track {
        match mask {
            Some(mask) => packed.push(mask),
            None => packed.push_absent(),
        }
    }
    packed
}

proptest! {
    #[test]
    fn overlaps_are_those_of_plain_masks(detected in track(), truth in track()) {
        let packed = packed(&truth);
        let mut total = Overlap::default();
        for (frame, detected) in detected.iter().enumerate() {
            total.add(packed.overlap(frame, detected.as_ref()));
        }
        let expected = |is_crowd| {
            let (detected, truth) = (detected.clone(), truth.clone());
            track_iou(&[detected], &[truth], &[is_crowd]).get(0, 0)
        };
        prop_assert_eq!(total.iou(), expected(false));
        prop_assert_eq!(total.crowd_iou(), expected(true));
        let areas = truth.iter().map(|mask| mask.as_ref().map(Rle::area));
        prop_assert!(packed.areas().eq(areas));
    }

    #[test]
    fn tracks_may_be_packed_in_parts(first in track(), second in track()) {
        let whole = packed(&[first.as_slice(), second.as_slice()].concat());
        let mut appended = packed(&first);
        appended.append(&packed(&second));
        prop_assert_eq!(appended.len(), first.len() + second.len());
        prop_assert_eq!(appended, whole);
    }
}

#[test]
fn runs_that_do_not_fill_the_mask_are_refused() {
    let mut track = PackedTrack::default();
    let size = ImageSize { height: 2, width: 3 };
    assert!(matches!(track.push_counts(size, &[5]), Err(MaskError::RunSum { .. })));
    assert!(track.is_empty());
    track.push_counts(size, &[1, 5]).unwrap();
    assert!(track.areas().eq([Some(5)]));
}

#[test]
fn masks_come_back_as_they_were_pushed() {
    let size = ImageSize { height: 1000, width: 300 };
    let masks = [
        Some(Rle::from_counts(size, vec![0, 300_000]).unwrap()),
        None,
        Some(Rle::from_counts(size, vec![65_535, 65_536, 131_072, 37_857]).unwrap()),
        Some(Rle::empty(size)),
    ];
    let mut track = PackedTrack::default();
    for mask in &masks {
        match mask {
            Some(mask) => track.push(mask),
            None => track.push_absent(),
        }
    }
    assert!(track.masks().eq(masks));
    assert!(track.sizes().eq([Some(size), None, Some(size), Some(size)]));
}
