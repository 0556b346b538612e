//! The masks of one object over a video, kept small until they are needed.

use seqformer_masks::{ImageSize, MaskError, Rle};

/// A mask in COCO's text form, which takes a quarter of the memory of its run lengths.
#[derive(Debug, Clone)]
pub(crate) struct StoredMask {
    pub(crate) size: ImageSize,
    pub(crate) counts: Box<str>,
}

/// One mask per frame, nothing where the object is absent.
pub(crate) type StoredTrack = Box<[Option<StoredMask>]>;

/// Decoded masks, one per frame.
pub(crate) type Track = Vec<Option<Rle>>;

impl StoredMask {
    pub(crate) fn new(mask: &Rle) -> Self {
        Self { size: mask.size(), counts: mask.to_compressed().into_boxed_str() }
    }

    pub(crate) fn decode(&self) -> Result<Rle, MaskError> {
        Rle::parse_compressed(self.size, &self.counts)
    }
}

/// Decodes a track; the error comes with the index of its frame.
pub(crate) fn decode_track(track: &[Option<StoredMask>]) -> Result<Track, (usize, MaskError)> {
    let decode = |(frame, mask): (usize, &Option<StoredMask>)| {
        mask.as_ref().map(StoredMask::decode).transpose().map_err(|error| (frame, error))
    };
    track.iter().enumerate().map(decode).collect()
}

/// Returns the mean over the areas that are not zero, 0 if there is none.
///
/// The sum runs in numpy's order, so that means at the border of an area range fall on the same
/// side.
pub(crate) fn average_area(areas: impl Iterator<Item = f64>) -> f64 {
    let areas: Vec<f64> = areas.filter(|&area| area != 0.0).collect();
    if areas.is_empty() { 0.0 } else { mean(&areas) }
}

/// Returns the mean as numpy computes it.
pub(crate) fn mean(values: &[f64]) -> f64 {
    pairwise_sum(values) / values.len() as f64
}

/// Sums up as numpy does: eight running sums in pieces of up to 128 numbers, pieces in pairs.
///
/// Reference: numpy `loops_utils.h`, `pairwise_sum`.
fn pairwise_sum(values: &[f64]) -> f64 {
    const PIECE: usize = 128;
    if values.len() < 8 {
        return values.iter().sum();
    }
    if values.len() > PIECE {
        let half = values.len() / 2;
        let (left, right) = values.split_at(half - half % 8);
        return pairwise_sum(left) + pairwise_sum(right);
    }
    let (groups, rest) = values.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for group in groups {
        for (sum, value) in sums.iter_mut().zip(group) {
            *sum += value;
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    let sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
    rest.iter().fold(sum, |sum, value| sum + value)
}

#[cfg(test)]
mod tests;
