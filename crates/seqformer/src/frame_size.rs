//! Height and width of frames, and their padding.

use seqformer_masks::ImageSize;
use tch::Tensor;

use crate::ModelError;

/// Frames and their padding are multiples of this, in pixels.
const SIZE_DIVISIBILITY: u32 = 32;

/// What frames of this size are padded to: both sides are rounded up to a multiple of 32.
pub fn padded_size(size: ImageSize) -> ImageSize {
    ImageSize {
        height: size.height.next_multiple_of(SIZE_DIVISIBILITY),
        width: size.width.next_multiple_of(SIZE_DIVISIBILITY),
    }
}

/// The size of frames `[T, 3, H, W]`; `None` for a tensor of another shape.
pub fn size_of_frames(frames: &Tensor) -> Option<ImageSize> {
    match frames.size()[..] {
        [_, 3, height, width] => ImageSize::from_sides(height, width),
        _ => None,
    }
}

/// The size that holds all others.
pub(crate) fn largest(sizes: &[ImageSize]) -> ImageSize {
    ImageSize {
        height: sizes.iter().map(|size| size.height).max().unwrap_or(1),
        width: sizes.iter().map(|size| size.width).max().unwrap_or(1),
    }
}

/// Checks that these are frames of this size, `[T, 3, H, W]`, and at least one.
pub(crate) fn check_frames(frames: &Tensor, size: ImageSize) -> Result<(), ModelError> {
    let found = frames.size();
    if matches!(found[..], [t, ..] if t > 0) && size_of_frames(frames) == Some(size) {
        return Ok(());
    }
    let expected = format!("[T, 3, {}, {}]", size.height, size.width);
    Err(ModelError::Frames { expected, found: format!("{found:?}") })
}

/// A size in a message that says by itself which side is which.
pub(crate) fn height_x_width(size: ImageSize) -> String {
    format!("{}x{}", size.height, size.width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_padded_to_multiples_of_32() {
        let check = |height, width, expected: (u32, u32)| {
            let padded = padded_size(ImageSize { height, width });
            assert_eq!((padded.height, padded.width), expected);
        };
        check(360, 640, (384, 640));
        check(32, 33, (32, 64));
        check(1, 1, (32, 32));
    }
}
