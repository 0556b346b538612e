//! How much the boxes of a frame overlap.

use seqformer_masks::BoxXywh;

/// Returns the part of the area of all boxes that lies in two or more of them; `None` if there is no area.
///
/// Reference: Qi et al., "Occluded Video Instance Segmentation" (IJCV 2022), bounding-box occlusion rate.
pub(super) fn overlap_rate(boxes: &[BoxXywh]) -> Option<f64> {
    let mut edges: Vec<f64> =
        boxes.iter().flat_map(|bounds| [bounds.x, bounds.x + bounds.width]).collect();
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    let (mut any, mut several) = (0.0, 0.0);
    for strip in edges.windows(2) {
        let (left, right) = (strip[0], strip[1]);
        // Where boxes begin and end from top to bottom within the strip.
        let mut ends: Vec<(f64, i32)> = boxes
            .iter()
            .filter(|bounds| bounds.x <= left && bounds.x + bounds.width >= right)
            .flat_map(|bounds| [(bounds.y, 1), (bounds.y + bounds.height, -1)])
            .collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut depth = 0;
        for pair in ends.windows(2) {
            depth += pair[0].1;
            let area = (right - left) * (pair[1].0 - pair[0].0);
            any += if depth > 0 { area } else { 0.0 };
            several += if depth > 1 { area } else { 0.0 };
        }
    }
    (any > 0.0).then(|| several / any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_a_count_of_pixels() {
        let boxes: Vec<BoxXywh> =
            [(0, 0, 4, 4), (2, 2, 5, 3), (3, 1, 2, 8), (9, 9, 1, 1), (0, 0, 4, 4)]
                .map(|(x, y, width, height)| BoxXywh {
                    x: f64::from(x),
                    y: f64::from(y),
                    width: f64::from(width),
                    height: f64::from(height),
                })
                .to_vec();
        for used in 1..=boxes.len() {
            let depth = |x: f64, y: f64| {
                let is_in = |bounds: &&BoxXywh| {
                    (bounds.x..bounds.x + bounds.width).contains(&x)
                        && (bounds.y..bounds.y + bounds.height).contains(&y)
                };
                boxes[..used].iter().filter(is_in).count()
            };
            let pixels: Vec<usize> = (0..100)
                .map(|pixel| depth(f64::from(pixel % 10) + 0.5, f64::from(pixel / 10) + 0.5))
                .collect();
            let count =
                |least: usize| pixels.iter().filter(|depth| **depth >= least).count() as f64;
            let rate = overlap_rate(&boxes[..used]).unwrap();
            assert!((rate - count(2) / count(1)).abs() < 1e-12, "{used}: {rate}");
        }
        assert_eq!(overlap_rate(&[]), None);
        assert_eq!(overlap_rate(&[BoxXywh::default()]), None);
    }
}
