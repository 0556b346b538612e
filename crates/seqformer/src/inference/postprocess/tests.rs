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

#[test]
fn the_best_pairs_are_grouped_by_query_in_the_order_of_the_original() {
    // Pairs from the best: (2, 1), (1, 0), (2, 0), (1, 1), then (0, 0). Two more classes of one query come before the
    // best class of another.
    let found = |max_pairs, threshold| {
        let Selection { queries, detections } = select_pairs(&logits(), max_pairs, threshold);
        let pairs: Vec<_> = detections.iter().map(|d| (d.rank, d.label)).collect();
        (queries, pairs)
    };
    assert_eq!(found(3, None), (vec![2, 1], vec![(0, 1), (0, 0), (1, 0)]));
    let five = vec![(0, 1), (0, 0), (1, 0), (1, 1), (2, 0)];
    assert_eq!(found(5, None), (vec![2, 1, 0], five));
    assert_eq!(found(100, None).1.len(), 8);
    // Probabilities of 0.953 and 0.881, and then one of 0.731.
    assert_eq!(found(5, Some(0.8)), (vec![2, 1], vec![(0, 1), (1, 0)]));
    let best = select_pairs(&logits(), 1, None).detections[0];
    assert!((best.score - 0.952_574_1).abs() < 1e-6);
}

#[test]
fn masks_of_one_step_are_interpolated_at_the_pixels_of_the_video() {
    // Two cells across and four pixels: their middles lie at -0.25, 0.25, 0.75 and 1.25 cells, and the logits there are
    // -1 (the edge), 0, 2 and 3 (the edge). One half is not inside.
    let logits =
        Tensor::from_slice(&[-1.0_f32, 3.0, 9.0, -1.0, 3.0, 9.0, 9.0, 9.0, 9.0]).view([1, 3, 3]);
    let frame = ImageSize { height: 8, width: 8 };
    let masks = final_masks_in_one_step(&logits, frame, ImageSize { height: 4, width: 4 });
    for row in 0..4 {
        let row: Vec<i64> = Vec::try_from(masks.get(0).get(row).to_kind(Kind::Int64)).unwrap();
        assert_eq!(row, [0, 0, 1, 1]);
    }
    // In two steps the frame is enlarged to 12 pixels first, and every second of eight is taken: those at 0, 2, 4
    // and 6 have the logits -1, -0.5, 1.5 and 3.75.
    let two_steps = final_masks(&logits, frame, ImageSize { height: 4, width: 4 });
    let row: Vec<i64> = Vec::try_from(two_steps.get(0).get(0).to_kind(Kind::Int64)).unwrap();
    assert_eq!(row, [0, 0, 1, 1]);
    assert_eq!([1, 8, 9, 16, 482].map(cells_of_side), [2, 2, 4, 4, 122]);
}
