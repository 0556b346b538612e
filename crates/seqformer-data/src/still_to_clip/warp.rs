//! Changes a copy of an image so that it looks like another frame.
//!
//! Reference: the original SeqFormer repository's `datasets/image_to_seq_augmenter.py` with the
//! values of `datasets/coco2seq.py`, on imgaug 0.4.

use crate::random::Random;
use crate::{Affine, HueSaturation, MotionBlur, Perspective, ShiftColor, Transform};

/// The largest shift of all channels, in levels.
const MAX_SHIFT: i16 = 40;
/// The largest shift of hue and saturation, on a scale of 255.
const MAX_HUE_SATURATION: i16 = 5;
/// OpenCV's hues, in steps of two degrees.
const NUM_HUES: i16 = 180;
/// Standard deviation of the corners, relative to the width and height.
const CORNER_JITTER: f64 = 0.08;
/// The largest translation, relative to the width and height.
const MAX_TRANSLATION: f64 = 0.1;
const MAX_DEGREES: f64 = 20.0;
const BLUR_PROBABILITY: f64 = 0.25;
const BLUR_KERNELS: [u32; 2] = [9, 11];

/// Draws colours, perspective, position and blur, in this order.
pub(crate) fn draw(random: &mut Random) -> Vec<Transform> {
    let mut steps = draw_colors(random);
    steps.push(Transform::Perspective(draw_perspective(random)));
    steps.push(Transform::Affine(draw_affine(random)));
    if random.bernoulli(BLUR_PROBABILITY) {
        steps.push(Transform::MotionBlur(MotionBlur {
            kernel_size: BLUR_KERNELS[random.index(BLUR_KERNELS.len())],
            degrees: random.uniform(0.0..360.0),
            direction: random.uniform(-1.0..1.0),
        }));
    }
    steps
}

/// Draws whether there are one or two changes, which one if it is one, and their strengths.
fn draw_colors(random: &mut Random) -> Vec<Transform> {
    let (is_both, is_shift) = (random.bernoulli(0.5), random.bernoulli(0.5));
    let mut steps = Vec::new();
    if is_both || is_shift {
        steps.push(Transform::ShiftColor(ShiftColor { levels: draw_around_0(MAX_SHIFT, random) }));
    }
    if is_both || !is_shift {
        let value = draw_around_0(MAX_HUE_SATURATION, random);
        // Integer division drops the fraction of the hue, as in the reference.
        let hue = value * NUM_HUES / 255;
        steps.push(Transform::HueSaturation(HueSaturation { hue, saturation: value }));
    }
    steps
}

/// Draws an integer from `-most` to `most`, both included.
fn draw_around_0(most: i16, random: &mut Random) -> i16 {
    random.between(0, 2 * u32::from(most.unsigned_abs())) as i16 - most
}

/// Draws how far each corner moves inward, first across, then down.
///
/// Differs: redrawn if the quadrilateral is not convex, which happens less than once in a million
/// draws; imgaug sorts the corners instead.
fn draw_perspective(random: &mut Random) -> Perspective {
    loop {
        let inward =
            [(); 4].map(|()| [(); 2].map(|()| (CORNER_JITTER * random.normal()).abs() % 1.0));
        if let Some(perspective) = Perspective::new(inward) {
            return perspective;
        }
    }
}

/// Draws the translation and then the angle.
fn draw_affine(random: &mut Random) -> Affine {
    // One number for both axes, which is how imgaug interprets the plain pair that the reference
    // passes as `translate_percent`.
    let way = random.uniform(-MAX_TRANSLATION..MAX_TRANSLATION);
    Affine { translation: [way; 2], degrees: random.uniform(-MAX_DEGREES..MAX_DEGREES) }
}
