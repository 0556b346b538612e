//! Properties of masks computed from run lengths in any storage.

use std::ops::Range;

use crate::{ImageSize, MaskError};

/// Checks that the runs fill a mask of this size.
pub(crate) fn check_sum(size: ImageSize, counts: &[u32]) -> Result<(), MaskError> {
    let expected = size.checked()?.num_pixels();
    let found = counts.iter().map(|&count| u64::from(count)).sum();
    if found == expected { Ok(()) } else { Err(MaskError::RunSum { size, expected, found }) }
}

/// Returns the number of set pixels.
pub(crate) fn area(counts: &[u32]) -> u64 {
    let (pairs, _trailing_clear_run) = counts.as_chunks::<2>();
    pairs.iter().map(|&[_, set]| u64::from(set)).sum()
}

/// Returns a column-major range that contains all set pixels, in constant time.
pub(crate) fn extent(size: ImageSize, counts: &[u32]) -> Range<u64> {
    let (pairs, trailing_clear_run) = counts.as_chunks::<2>();
    let start = pairs.first().map_or(0, |&[clear, _]| u64::from(clear));
    let trailing = trailing_clear_run.first().map_or(0, |&clear| u64::from(clear));
    start..size.num_pixels() - trailing
}
