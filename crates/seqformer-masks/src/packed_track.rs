//! The masks of one object over a video in compact form: two bytes per run, all runs in one vector.

use std::ops::Range;

use crate::rle::runs;
use crate::{ImageSize, MaskError, Overlap, Rle};

/// One mask per frame, or none where the object is absent.
///
/// Run lengths above 65535 are split by empty runs, which changes no pixel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackedTrack {
    /// As in [`Rle`], one frame after the other.
    runs: Vec<u16>,
    frames: Vec<Option<PackedMask>>,
}

/// One frame of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PackedMask {
    size: ImageSize,
    area: u64,
    /// Its range in the runs of the track.
    runs: Range<usize>,
    /// A column-major range that contains all set pixels.
    extent: Range<u64>,
}

impl PackedTrack {
    /// Creates a track without frames, with capacity for `num_runs` runs.
    pub fn with_capacity(num_runs: usize) -> Self {
        Self { runs: Vec::with_capacity(num_runs), frames: Vec::new() }
    }

    /// Returns the number of frames.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there are no frames.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Returns the area of every frame; `None` where the object is absent.
    pub fn areas(&self) -> impl Iterator<Item = Option<u64>> {
        self.frames.iter().map(|frame| frame.as_ref().map(|mask| mask.area))
    }

    /// Returns the size of every frame's mask; `None` where the object is absent.
    pub fn sizes(&self) -> impl Iterator<Item = Option<ImageSize>> {
        self.frames.iter().map(|frame| frame.as_ref().map(|mask| mask.size))
    }

    /// Returns the mask of every frame; `None` where the object is absent.
    #[expect(clippy::missing_panics_doc, reason = "the sum of the runs was checked before")]
    pub fn masks(&self) -> impl Iterator<Item = Option<Rle>> {
        self.frames.iter().map(|frame| {
            let PackedMask { size, runs, .. } = frame.as_ref()?;
            let counts = joined_runs(&self.runs[runs.clone()]);
            Some(Rle::from_counts(*size, counts).expect("the sum was checked when it was pushed"))
        })
    }

    /// Appends a frame without the object.
    pub fn push_absent(&mut self) {
        self.frames.push(None);
    }

    /// Appends a frame.
    pub fn push(&mut self, mask: &Rle) {
        self.push_checked(mask.size(), mask.counts());
    }

    /// Appends a frame given by its run lengths.
    ///
    /// # Errors
    ///
    /// As [`Rle::from_counts`]; then nothing is appended.
    pub fn push_counts(&mut self, size: ImageSize, counts: &[u32]) -> Result<(), MaskError> {
        runs::check_sum(size, counts)?;
        self.push_checked(size, counts);
        Ok(())
    }

    fn push_checked(&mut self, size: ImageSize, counts: &[u32]) {
        let (area, extent) = (runs::area(counts), runs::extent(size, counts));
        let start = self.runs.len();
        push_runs(&mut self.runs, counts);
        let runs = start..self.runs.len();
        self.frames.push(Some(PackedMask { size, area, runs, extent }));
    }

    /// Appends all frames of `other`.
    pub fn append(&mut self, other: &Self) {
        let start = self.runs.len();
        self.runs.extend_from_slice(&other.runs);
        let moved = |mask: &PackedMask| {
            let runs = start + mask.runs.start..start + mask.runs.end;
            PackedMask { runs, ..mask.clone() }
        };
        self.frames.extend(other.frames.iter().map(|frame| frame.as_ref().map(moved)));
    }

    /// Releases memory reserved for further frames.
    pub fn shrink_to_fit(&mut self) {
        self.runs.shrink_to_fit();
        self.frames.shrink_to_fit();
    }

    /// Compares a frame with the mask detected in it; frames beyond the end have no overlap.
    pub fn overlap(&self, frame: usize, detected: Option<&Rle>) -> Overlap {
        let Some(truth) = self.frames.get(frame) else { return Overlap::default() };
        let detection = detected.map_or(0, Rle::area);
        let truth_area = truth.as_ref().map_or(0, |truth| truth.area);
        let intersection = match (detected, truth) {
            (Some(detected), Some(truth)) if detected.size() != truth.size => {
                // Masks of different sizes cannot be compared.
                return Overlap::default();
            }
            (Some(detected), Some(truth)) => self.intersection_area(truth, detected),
            _ => 0,
        };
        Overlap { intersection, union: detection + truth_area - intersection, detection }
    }

    fn intersection_area(&self, mask: &PackedMask, other: &Rle) -> u64 {
        let extent = other.extent();
        if extent.end <= mask.extent.start || mask.extent.end <= extent.start {
            return 0;
        }
        common_pixels(&self.runs[mask.runs.clone()], other.counts())
    }
}

/// Appends run lengths, splitting long ones.
fn push_runs(runs: &mut Vec<u16>, counts: &[u32]) {
    const BLOCK: usize = 16;
    let (blocks, rest) = counts.as_chunks::<BLOCK>();
    for block in blocks {
        // Without an early exit, the compiler processes several at once.
        let all_bits = block.iter().fold(0, |all, count| all | count);
        if u16::try_from(all_bits).is_ok() {
            runs.extend_from_slice(&block.map(|count| count as u16));
        } else {
            push_long_runs(runs, block);
        }
    }
    push_long_runs(runs, rest);
}

fn push_long_runs(runs: &mut Vec<u16>, counts: &[u32]) {
    for &count in counts {
        let mut left = count;
        while left > u32::from(u16::MAX) {
            runs.extend([u16::MAX, 0]);
            left -= u32::from(u16::MAX);
        }
        runs.push(left as u16);
    }
}

/// Joins split runs; the inverse of [`push_runs`].
fn joined_runs(runs: &[u16]) -> Vec<u32> {
    let mut counts: Vec<u32> = Vec::with_capacity(runs.len());
    let mut runs = runs.iter().map(|&run| u32::from(run));
    while let Some(run) = runs.next() {
        match counts.last_mut() {
            // An empty run between two of the same kind.
            Some(last) if run == 0 => match runs.next() {
                Some(rest) => *last += rest,
                None => counts.push(0),
            },
            _ => counts.push(run),
        }
    }
    counts
}

/// Counts the pixels set in both masks, which have the same number of pixels.
fn common_pixels(left: &[u16], right: &[u32]) -> u64 {
    let (left, _trailing_clear_run) = left.as_chunks::<2>();
    let (right, _trailing_clear_run) = right.as_chunks::<2>();
    let (mut left, mut right) = (left.iter(), right.iter());
    let next_left = |position: u64, [clear, set]: [u16; 2]| {
        let start = position + u64::from(clear);
        (start, start + u64::from(set))
    };
    let next_right = |position: u64, [clear, set]: [u32; 2]| {
        let start = position + u64::from(clear);
        (start, start + u64::from(set))
    };
    let (Some(&a), Some(&b)) = (left.next(), right.next()) else { return 0 };
    let (mut a, mut b) = (next_left(0, a), next_right(0, b));
    let mut area = 0;
    loop {
        area += a.1.min(b.1).saturating_sub(a.0.max(b.0));
        if a.1 <= b.1 {
            let Some(&runs) = left.next() else { return area };
            a = next_left(a.1, runs);
        } else {
            let Some(&runs) = right.next() else { return area };
            b = next_right(b.1, runs);
        }
    }
}

#[cfg(test)]
mod tests;
