//! Run-length masks.
//!
//! Reference: COCO `maskApi.c`. Pixels are read column by column; runs alternate between clear and
//! set, starting with clear.

mod column_major;
mod compressed;
mod difference;
pub(crate) mod runs;
mod serialization;

use std::ops::Range;

use crate::{BitMask, BoxXywh, ImageSize, MaskError};

/// A mask as run lengths, column-major, clear pixels first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rle {
    size: ImageSize,
    /// Their sum is the number of pixels.
    counts: Vec<u32>,
}

impl Rle {
    /// Creates an empty mask.
    pub fn empty(size: ImageSize) -> Self {
        Self::from_crossings(size, &[])
    }

    /// Encodes a bitmap.
    pub fn encode(mask: &BitMask) -> Self {
        let size = mask.size();
        Self::from_crossings(size, &column_major_changes(mask))
    }

    /// Encodes pixels that lie column by column, as in Fortran and COCO's tools; all but 0 are set.
    ///
    /// # Errors
    ///
    /// A `size` that is too large, or another number of pixels.
    pub fn encode_column_major(size: ImageSize, pixels: &[u8]) -> Result<Self, MaskError> {
        let expected = size.checked()?.num_pixels();
        if pixels.len() as u64 != expected {
            return Err(MaskError::ByteCount { size, expected, found: pixels.len() });
        }
        Ok(Self::from_crossings(size, &column_major::changes(pixels)))
    }

    /// Creates a mask from run lengths.
    ///
    /// # Errors
    ///
    /// A `size` that is too large, or runs whose sum differs from its number of pixels.
    pub fn from_counts(size: ImageSize, counts: Vec<u32>) -> Result<Self, MaskError> {
        runs::check_sum(size, &counts)?;
        Ok(Self { size, counts })
    }

    /// Parses COCO's text form.
    ///
    /// # Errors
    ///
    /// As [`Self::from_counts`], and text that is not in this form.
    pub fn parse_compressed(size: ImageSize, text: &str) -> Result<Self, MaskError> {
        let mut counts = Vec::new();
        compressed::parse(text, &mut counts)?;
        Self::from_counts(size, counts)
    }

    /// Parses COCO's text form into the memory of an existing mask.
    ///
    /// # Errors
    ///
    /// As [`Self::parse_compressed`]; the mask then has no pixels.
    pub fn read_compressed(&mut self, size: ImageSize, text: &str) -> Result<(), MaskError> {
        self.size = ImageSize { height: 0, width: 0 };
        let mut counts = std::mem::take(&mut self.counts);
        compressed::parse(text, &mut counts)?;
        *self = Self::from_counts(size, counts)?;
        Ok(())
    }

    /// Writes COCO's text form.
    pub fn to_compressed(&self) -> String {
        compressed::write(&self.counts)
    }

    /// Decodes into a bitmap.
    pub fn decode(&self) -> BitMask {
        let width = self.size.width as usize;
        let height = u64::from(self.size.height);
        let mut pixels = vec![0_u8; self.size.num_pixels() as usize];
        // First the positions where a column changes, then sums down the columns, row by row, which
        // accesses memory in order.
        let mut toggle = |x: u64, y: u64| pixels[y as usize * width + x as usize] ^= 1;
        for (start, end) in self.set_runs() {
            let last_column = (end - 1) / height;
            toggle(start / height, start % height);
            for x in start / height + 1..=last_column {
                toggle(x, 0);
            }
            if end % height != 0 {
                toggle(last_column, end % height);
            }
        }
        let first_row = width.min(pixels.len());
        let (mut above, mut rest) = pixels.split_at_mut(first_row);
        while !rest.is_empty() {
            let (row, below) = rest.split_at_mut(width);
            for (pixel, above) in row.iter_mut().zip(above.iter()) {
                *pixel ^= above;
            }
            (above, rest) = (row, below);
        }
        BitMask::from_binary(self.size, pixels)
    }

    /// Returns height and width.
    pub fn size(&self) -> ImageSize {
        self.size
    }

    /// Returns the run lengths.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Returns the number of set pixels.
    pub fn area(&self) -> u64 {
        runs::area(&self.counts)
    }

    /// Returns the tight box around the set pixels, all zeros for an empty mask.
    pub fn bounding_box(&self) -> BoxXywh {
        let height = u64::from(self.size.height);
        let (mut x0, mut y0, mut x1, mut y1) = (u64::MAX, u64::MAX, 0, 0);
        for (start, end) in self.set_runs() {
            let (first, last) = (start / height, (end - 1) / height);
            x0 = x0.min(first);
            x1 = x1.max(last + 1);
            if first == last {
                y0 = y0.min(start % height);
                y1 = y1.max((end - 1) % height + 1);
            } else {
                (y0, y1) = (0, height);
            }
        }
        if x1 == 0 {
            return BoxXywh::default();
        }
        let (x, y) = (x0 as f64, y0 as f64);
        BoxXywh { x, y, width: (x1 - x0) as f64, height: (y1 - y0) as f64 }
    }

    /// Returns the pixels that are set in any of `masks`; without masks, a mask without pixels.
    ///
    /// # Errors
    ///
    /// [`MaskError::SizeMismatch`] unless all masks have the same size.
    pub fn union(masks: &[Self]) -> Result<Self, MaskError> {
        Self::merge(masks, 1)
    }

    /// Returns the pixels that are set in all of `masks`; without masks, a mask without pixels.
    ///
    /// # Errors
    ///
    /// [`MaskError::SizeMismatch`] unless all masks have the same size.
    pub fn intersection(masks: &[Self]) -> Result<Self, MaskError> {
        Self::merge(masks, masks.len() as i64)
    }

    /// Returns the number of pixels set in both masks; `None` if their sizes differ.
    pub fn intersection_area(&self, other: &Self) -> Option<u64> {
        if self.size != other.size {
            return None;
        }
        let (extent, other_extent) = (self.extent(), other.extent());
        if extent.end <= other_extent.start || other_extent.end <= extent.start {
            return Some(0);
        }
        let (mut left, mut right) = (self.set_runs(), other.set_runs());
        let (mut a, mut b) = (left.next(), right.next());
        let mut area = 0;
        while let (Some((a_start, a_end)), Some((b_start, b_end))) = (a, b) {
            area += a_end.min(b_end).saturating_sub(a_start.max(b_start));
            if a_end <= b_end {
                a = left.next();
            } else {
                b = right.next();
            }
        }
        Some(area)
    }

    /// Keeps the pixels that are set in at least `depth` masks.
    fn merge(masks: &[Self], depth: i64) -> Result<Self, MaskError> {
        let Some(first) = masks.first() else {
            return Ok(Self::empty(ImageSize { height: 0, width: 0 }));
        };
        let size = first.size;
        if let Some(other) = masks.iter().find(|mask| mask.size != size) {
            return Err(MaskError::SizeMismatch { expected: size, found: other.size });
        }
        let runs = masks.iter().flat_map(Self::set_runs);
        let mut steps: Vec<(u64, i64)> =
            runs.flat_map(|(start, end)| [(start, 1), (end, -1)]).collect();
        steps.sort_unstable();
        let mut crossings = Vec::new();
        let mut covered = 0;
        for group in steps.chunk_by(|a, b| a.0 == b.0) {
            let was_set = covered >= depth;
            covered += group.iter().map(|&(_, step)| step).sum::<i64>();
            if (covered >= depth) != was_set {
                crossings.push(group[0].0);
            }
        }
        Ok(Self::from_crossings(size, &crossings))
    }

    /// Builds the runs from the sorted column-major positions where pixels change between clear and
    /// set.
    ///
    /// Two crossings at one position cancel out, and one at the end has no effect.
    pub(crate) fn from_crossings(size: ImageSize, crossings: &[u64]) -> Self {
        let mut counts = Vec::with_capacity(crossings.len() + 1);
        let mut start = 0;
        let num_pixels = size.num_pixels();
        // Runs fit 32 bits: every size from a file is checked against `MAX_PIXELS`.
        let run = |length: u64| u32::try_from(length).unwrap_or(u32::MAX);
        for group in crossings.chunk_by(|a, b| a == b) {
            if group.len() % 2 == 1 && group[0] < num_pixels {
                counts.push(run(group[0] - start));
                start = group[0];
            }
        }
        counts.push(run(num_pixels - start));
        Self { size, counts }
    }

    pub(crate) fn extent(&self) -> Range<u64> {
        runs::extent(self.size, &self.counts)
    }

    /// Returns the column-major ranges of set pixels, none of them empty.
    fn set_runs(&self) -> impl Iterator<Item = (u64, u64)> {
        let (pairs, _trailing_clear_run) = self.counts.as_chunks::<2>();
        let mut position = 0;
        let runs = pairs.iter().map(move |&[clear, set]| {
            let start = position + u64::from(clear);
            position = start + u64::from(set);
            (start, position)
        });
        runs.filter(|(start, end)| start < end)
    }
}

/// Returns the sorted column-major positions of pixels that differ from the previous one.
fn column_major_changes(mask: &BitMask) -> Vec<u64> {
    let width = mask.size().width as usize;
    let height = u64::from(mask.size().height);
    // Each row is compared with the row above, which accesses memory in order; a counting sort then
    // brings the changes into column order.
    let mut changes: Vec<(u32, u32)> = Vec::new();
    let mut num_changes = vec![0_usize; width + 1];
    for_each_change(mask, |x, y| {
        changes.push((x, y));
        num_changes[x as usize + 1] += 1;
    });
    let mut next = num_changes;
    for x in 0..width {
        next[x + 1] += next[x];
    }
    let mut sorted = vec![0; changes.len()];
    for (x, y) in changes {
        let slot = &mut next[x as usize];
        sorted[*slot] = u64::from(x) * height + u64::from(y);
        *slot += 1;
    }
    sorted
}

/// Visits, row by row, the pixels that differ from the previous one in column order.
fn for_each_change(mask: &BitMask, mut visit: impl FnMut(u32, u32)) {
    let mut rows = mask.rows();
    let (Some(first), Some(last)) = (rows.next(), mask.rows().next_back()) else { return };
    // Above the first pixel of a column is the last pixel of the previous column.
    let mut before = 0;
    for (x, (&pixel, &bottom)) in first.iter().zip(last).enumerate() {
        if pixel != before {
            visit(x as u32, 0);
        }
        before = bottom;
    }
    let mut above = first;
    for (y, row) in rows.enumerate() {
        for_each_difference(above, row, |x| visit(x as u32, y as u32 + 1));
        above = row;
    }
}

/// Visits the indices where two rows differ, eight pixels at a time.
fn for_each_difference(above: &[u8], row: &[u8], mut visit: impl FnMut(usize)) {
    let (above_words, above_rest) = above.as_chunks::<8>();
    let (words, rest) = row.as_chunks::<8>();
    for (index, (above, word)) in above_words.iter().zip(words).enumerate() {
        let mut difference = u64::from_le_bytes(*above) ^ u64::from_le_bytes(*word);
        while difference != 0 {
            visit(8 * index + difference.trailing_zeros() as usize / 8);
            difference &= difference - 1;
        }
    }
    let start = 8 * words.len();
    for (index, (above, pixel)) in above_rest.iter().zip(rest).enumerate() {
        if above != pixel {
            visit(start + index);
        }
    }
}

#[cfg(test)]
mod tests;
