//! Selects the frames of a video that form a clip.
//!
//! Reference: VNext `data/dataset_mapper.py`, `YTVISDatasetMapper.__call__`.

use crate::random::Random;

/// Samples frames around a random one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClipSampling {
    /// Frames per clip.
    pub num_frames: usize,
    /// Maximum distance from the first sampled frame.
    pub range: usize,
    /// Minimum distance from the first sampled frame.
    pub interval: usize,
    /// Whether the frames are in random order.
    pub shuffle: bool,
}

impl ClipSampling {
    /// Draws the frames of a clip from a video of `length` frames.
    ///
    /// All frames except the first one are drawn with replacement, so some may occur twice.
    ///
    /// Differs: if no frame has an allowed distance, as in a video of one frame, the first one is
    /// repeated; the reference fails.
    pub fn draw(&self, length: usize, random: &mut Random) -> Vec<usize> {
        let first = random.index(length);
        let before = first.saturating_sub(self.range)..(first + 1).saturating_sub(self.interval);
        let after = (first + self.interval).min(length)..(first + self.range + 1).min(length);
        let candidates: Vec<usize> = before.chain(after).collect();
        let mut frames = vec![first];
        while frames.len() < self.num_frames.max(1) {
            let index = random.index(candidates.len());
            frames.push(candidates.get(index).copied().unwrap_or(first));
        }
        if self.shuffle {
            random.shuffle(&mut frames);
        } else {
            frames.sort_unstable();
        }
        frames
    }
}

#[cfg(test)]
mod tests;
