use seqformer_masks::{BitMask, ImageSize, Rle};
use seqformer_testing::splitmix64;

use super::{Boundary, Disk};

/// The boundary as its definition has it, pixel by pixel.
fn slow_boundary(mask: &BitMask) -> Vec<(i64, i64)> {
    let ImageSize { height, width } = mask.size();
    let mut boundary = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let here = mask.get(y, x);
            let differs = |y, x| here != mask.get(y, x);
            let is_on = match (y + 1 == height, x + 1 == width) {
                (true, true) => false,
                (true, false) => differs(y, x + 1),
                (false, true) => differs(y + 1, x),
                (false, false) => differs(y, x + 1) || differs(y + 1, x) || differs(y + 1, x + 1),
            };
            if is_on {
                boundary.push((i64::from(y), i64::from(x)));
            }
        }
    }
    boundary
}

fn slow_f(found: &BitMask, truth: &BitMask) -> f64 {
    let ImageSize { height, width } = truth.size();
    let radius = (0.008 * f64::from(height).hypot(f64::from(width))).ceil() as i64;
    let (found, truth) = (slow_boundary(found), slow_boundary(truth));
    let near = |of: &[(i64, i64)], to: &[(i64, i64)]| {
        let is_near = |a: &&(i64, i64)| {
            to.iter().any(|b| (a.0 - b.0).pow(2) + (a.1 - b.1).pow(2) <= radius * radius)
        };
        of.iter().filter(is_near).count() as f64 / of.len() as f64
    };
    let (precision, recall) = match (found.is_empty(), truth.is_empty()) {
        (true, true) => (1.0, 1.0),
        (true, false) => (1.0, 0.0),
        (false, true) => (0.0, 1.0),
        (false, false) => (near(&found, &truth), near(&truth, &found)),
    };
    if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) }
}

/// A block of pixels with some that are flipped.
fn mask(size: ImageSize, seed: u64) -> BitMask {
    let draw = |index: u64| splitmix64(seed * 1_000_003 + index);
    let [y0, y1] = [1, 2].map(|index| draw(index) % (u64::from(size.height) + 1));
    let [x0, x1] = [3, 4].map(|index| draw(index) % (u64::from(size.width) + 1));
    let mut mask = BitMask::new(size);
    for y in 0..size.height {
        for x in 0..size.width {
            let in_block = (y0.min(y1)..y0.max(y1)).contains(&u64::from(y))
                && (x0.min(x1)..x0.max(x1)).contains(&u64::from(x));
            let is_flipped = draw(100 + u64::from(y * size.width + x)) % 40 == 0;
            mask.set(y, x, in_block != (seed.is_multiple_of(3) && is_flipped));
        }
    }
    mask
}

#[test]
fn f_is_that_of_its_definition() {
    let sizes = [[1, 1], [1, 9], [9, 1], [7, 63], [12, 64], [5, 65], [40, 130], [150, 129]];
    let mut num_partial = 0;
    for (number, [height, width]) in sizes.into_iter().enumerate() {
        let size = ImageSize { height, width };
        let disk = Disk::new(size);
        for case in 0..12 {
            let seed = number as u64 * 100 + case;
            let [found, truth] = [2 * seed, 2 * seed + 1].map(|seed| mask(size, seed));
            let [a, b] = [&found, &truth].map(|mask| Boundary::new(&Rle::encode(mask), &disk));
            let expected = slow_f(&found, &truth);
            let f = a.f_measure(&b);
            assert!((f - expected).abs() < 1e-12, "{size}, case {case}: {f} and {expected}");
            num_partial += u32::from(f > 0.0 && f < 1.0);
        }
    }
    assert!(num_partial > 20, "the cases are too easy: {num_partial}");
}

#[test]
fn an_image_without_pixels_has_no_boundary() {
    let size = ImageSize { height: 0, width: 5 };
    let empty = Boundary::new(&Rle::empty(size), &Disk::new(size));
    assert_eq!(empty.f_measure(&empty), 1.0);
}
