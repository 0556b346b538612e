use tch::Device;

use super::*;

fn logits() -> Tensor {
    Tensor::from_slice(&[-3.0_f32, -4.0, 2.0, -2.0, 1.0, 3.0, -5.0, -6.0]).view([4, 2])
}

#[test]
fn every_class_above_the_threshold_of_the_best_queries_is_a_result() {
    let rule = SelectionRule { max_queries: 2, class_threshold: Some(0.5) };
    let Selection { queries, detections } = select(&logits(), rule);
    assert_eq!(queries, [2, 1]);
    let found: Vec<_> = detections.iter().map(|d| (d.rank, d.label)).collect();
    assert_eq!(found, [(0, 0), (0, 1), (1, 0)]);
    assert!((detections[1].score - 0.952_574_1).abs() < 1e-6);
}

#[test]
fn without_classes_each_query_gives_its_best_class_whatever_its_score() {
    let rule = SelectionRule { max_queries: 10, class_threshold: None };
    let Selection { queries, detections } = select(&logits(), rule);
    assert_eq!(queries, [2, 1, 0, 3]);
    let found: Vec<_> = detections.iter().map(|d| d.label).collect();
    assert_eq!(found, [1, 0, 0, 0]);
}

#[test]
fn masks_lose_their_padding_and_take_the_nearest_pixel() {
    // One logit cell covers four pixels; the right half of a padded 8x8 frame is inside.
    let logits =
        Tensor::from_slice(&[-9.0_f32, 9.0, -9.0, 9.0]).view([1, 2, 2]).to_device(Device::Cpu);
    let frame = ImageSize { height: 6, width: 8 };
    let masks = final_masks(&logits, frame, frame);
    assert_eq!(masks.size(), [1, 6, 8]);
    let row: Vec<i64> = Vec::try_from(masks.get(0).get(5).to_kind(Kind::Int64)).unwrap();
    assert_eq!(row, [0, 0, 0, 0, 1, 1, 1, 1]);
    let half = final_masks(&logits, frame, ImageSize { height: 3, width: 4 });
    let row: Vec<i64> = Vec::try_from(half.get(0).get(2).to_kind(Kind::Int64)).unwrap();
    assert_eq!(row, [0, 0, 1, 1]);
}
