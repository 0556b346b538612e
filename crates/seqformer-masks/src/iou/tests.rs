//! IoU against pycocotools and by hand.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::ImageSize;

const SIZE: ImageSize = ImageSize { height: 1, width: 10 };

/// A mask of one row with the pixels from `start` on set.
fn bar(start: u32, length: u32) -> Rle {
    Rle::from_counts(SIZE, vec![start, length, 10 - start - length]).unwrap()
}

#[test]
fn mask_iou_agrees_with_pycocotools() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/public/polygon.json");
    let golden: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let golden = &golden["merge"];
    let size = ImageSize { height: 40, width: 50 };
    let texts = golden["rles"].as_array().unwrap().iter();
    let masks: Vec<_> =
        texts.map(|text| Rle::parse_compressed(size, text.as_str().unwrap()).unwrap()).collect();
    for (key, is_crowd) in [("iou_nocrowd", false), ("iou_crowd", true)] {
        let matrix = mask_iou(&masks, &masks, &[is_crowd; 5]);
        for detection in 0..5 {
            for truth in 0..5 {
                let expected = golden[key][detection][truth].as_f64().unwrap();
                let found = matrix.get(detection, truth);
                assert!((found - expected).abs() < 1e-15, "{key} {detection} {truth}");
            }
        }
    }
}

#[test]
fn tracks_sum_over_frames_before_dividing() {
    let detection = vec![Some(bar(0, 4)), None, Some(bar(0, 1)), Some(bar(0, 9))];
    // The fourth frame has no partner, so it does not count.
    let truth = vec![Some(bar(2, 4)), Some(bar(5, 2)), None];
    let other_size =
        Some(Rle::from_counts(ImageSize { height: 10, width: 1 }, vec![0, 10]).unwrap());
    let truths = [truth.clone(), truth, vec![None; 4], vec![other_size; 4]];
    let matrix = track_iou(&[detection], &truths, &[false, true, false, false]);
    // Intersection 2; union 6 + 2 + 1; the detection alone 4 + 0 + 1. Of the last truth only the
    // union of the frame without a detection is left.
    assert_eq!(matrix.row(0), [2.0 / 9.0, 2.0 / 5.0, 0.0, 0.0]);
    assert_eq!((matrix.num_detections(), matrix.num_truths()), (1, 4));
}

#[test]
fn nothing_at_all_has_iou_zero() {
    assert_eq!(mask_iou(&[Rle::empty(SIZE)], &[Rle::empty(SIZE)], &[false]).get(0, 0), 0.0);
    let matrix = track_iou(&[], &[vec![None]], &[false]);
    assert_eq!((matrix.num_detections(), matrix.num_truths()), (0, 1));
}
