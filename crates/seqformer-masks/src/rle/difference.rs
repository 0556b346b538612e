//! What is left of a mask without another.

use crate::{MaskError, Rle};

impl Rle {
    /// Returns the pixels that are set here and not in `other`.
    ///
    /// # Errors
    ///
    /// [`MaskError::SizeMismatch`] unless both masks have the same size.
    pub fn difference(&self, other: &Self) -> Result<Self, MaskError> {
        if self.size != other.size {
            return Err(MaskError::SizeMismatch { expected: self.size, found: other.size });
        }
        let mut holes = other.set_runs().peekable();
        let mut crossings = Vec::new();
        for (mut start, end) in self.set_runs() {
            while let Some(&(hole_start, hole_end)) = holes.peek() {
                if hole_start >= end {
                    break;
                }
                if hole_start > start {
                    crossings.extend([start, hole_start]);
                }
                start = start.max(hole_end);
                if hole_end > end {
                    // It may reach into the next run.
                    break;
                }
                holes.next();
            }
            if start < end {
                crossings.extend([start, end]);
            }
        }
        Ok(Self::from_crossings(self.size, &crossings))
    }
}

#[cfg(test)]
mod tests {
    use crate::{BitMask, ImageSize, MaskError, Rle};

    fn mask(size: ImageSize, bits: u32) -> Rle {
        let mut mask = BitMask::new(size);
        for pixel in 0..size.height * size.width {
            mask.set(pixel / size.width, pixel % size.width, bits >> pixel & 1 == 1);
        }
        Rle::encode(&mask)
    }

    #[test]
    fn a_difference_is_that_of_its_pixels() {
        let size = ImageSize { height: 3, width: 3 };
        for left in 0..512 {
            for right in (0..512).step_by(7).chain([0, 511]) {
                let found = mask(size, left).difference(&mask(size, right)).expect("one size");
                assert_eq!(found, mask(size, left & !right), "{left:09b} without {right:09b}");
            }
        }
    }

    #[test]
    fn masks_of_other_sizes_have_none() {
        let [wide, high] = [[1, 4], [4, 1]].map(|[height, width]| ImageSize { height, width });
        let error = mask(wide, 5).difference(&mask(high, 5));
        assert_eq!(error, Err(MaskError::SizeMismatch { expected: wide, found: high }));
    }
}
