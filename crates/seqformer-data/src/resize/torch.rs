//! Sizes as torchvision computes them, and masks as PyTorch resizes them.
//!
//! Reference: the original SeqFormer repository's `datasets/transforms_clip.py`, `resize`, and
//! PyTorch's `interpolate` with `mode="nearest"`.

use seqformer_masks::{BitMask, ImageSize};

use super::take_pixels;

/// Returns the size whose short edge is `short_edge`, or less if the long edge would exceed
/// `max_size`; a `short_edge` of 0 keeps the size. Fractions are dropped.
pub(crate) fn torchvision_size(
    size: ImageSize,
    short_edge: u32,
    max_size: Option<u32>,
) -> ImageSize {
    let (short, long) = (size.height.min(size.width), size.height.max(size.width));
    if short_edge == 0 || short == 0 {
        return size;
    }
    let ratio = f64::from(long) / f64::from(short);
    let new_short = match max_size.map(f64::from) {
        Some(limit) if ratio * f64::from(short_edge) > limit => {
            let shrunk = limit * f64::from(short) / f64::from(long);
            (shrunk.round_ties_even() as u32).max(1)
        }
        _ => short_edge,
    };
    if new_short == short {
        return size;
    }
    let new_long = (f64::from(new_short) * f64::from(long) / f64::from(short)) as u32;
    if size.width < size.height {
        ImageSize { height: new_long, width: new_short }
    } else {
        ImageSize { height: new_short, width: new_long }
    }
}

/// Resizes a mask; each pixel comes from the one below its upper left corner.
pub(crate) fn floor_resize_mask(mask: &BitMask, size: ImageSize) -> BitMask {
    let rows = floor_indices(mask.size().height, size.height);
    let columns = floor_indices(mask.size().width, size.width);
    take_pixels(mask, &rows, &columns)
}

/// Returns the input index of every output index.
fn floor_indices(input: u32, output: u32) -> Vec<usize> {
    let step = input as f32 / output as f32;
    let last = input.saturating_sub(1) as usize;
    (0..output).map(|index| ((index as f32 * step) as usize).min(last)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_truncated_and_limited_by_the_long_edge() {
        let size = |height, width| ImageSize { height, width };
        let cases = [
            // 480 * 1280 / 720 = 853.33, more than 768: round(768 * 720 / 1280) = 432, 432 * 1280 / 720 = 768.
            (size(720, 1280), 480, Some(768), size(432, 768)),
            // 392 * 1280 / 720 = 696.9.
            (size(720, 1280), 392, Some(768), size(392, 696)),
            (size(1280, 720), 392, Some(768), size(696, 392)),
            // 500 * 1280 / 720 = 888.9, without a limit.
            (size(720, 1280), 500, None, size(500, 888)),
            // 640 * 427 / 640 = 427: the short edge becomes what it is.
            (size(427, 640), 480, Some(640), size(427, 640)),
            // round(641 * 3 / 6) = round(320.5) = 320, to the even number; 320 * 6 / 3 = 640.
            (size(3, 6), 512, Some(641), size(320, 640)),
            (size(50, 50), 50, None, size(50, 50)),
            (size(50, 60), 0, Some(10), size(50, 60)),
        ];
        for (from, short_edge, max_size, expected) in cases {
            assert_eq!(
                torchvision_size(from, short_edge, max_size),
                expected,
                "{from} {short_edge}"
            );
        }
    }

    #[test]
    fn pixels_come_from_the_floor_of_their_place() {
        // Five from three: 0, 0.6, 1.2, 1.8, 2.4. Pillow takes 0, 0, 1, 2, 2.
        assert_eq!(floor_indices(3, 5), [0, 0, 1, 1, 2]);
        // Three from five: 0, 1.67, 3.33. Pillow takes 0, 2, 4.
        assert_eq!(floor_indices(5, 3), [0, 1, 3]);
        let mut mask = BitMask::new(ImageSize { height: 1, width: 3 });
        mask.set(0, 1, true);
        let wide = floor_resize_mask(&mask, ImageSize { height: 2, width: 5 });
        assert_eq!(wide.as_bytes(), [0, 0, 1, 1, 0, 0, 0, 1, 1, 0]);
    }
}
