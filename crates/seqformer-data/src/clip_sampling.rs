//! Which frames of a video form a clip.
//!
//! Reference: VNext `data/dataset_mapper.py`, `YTVISDatasetMapper.__call__`.

use crate::random::Random;

/// The choice of frames around a random one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClipSampling {
    /// Frames of a clip.
    pub num_frames: usize,
    /// How far a frame may lie from the first chosen one.
    pub range: usize,
    /// Frames nearer than this to the first chosen one are not taken.
    pub interval: usize,
    /// Whether the frames come in random order.
    pub shuffle: bool,
}

impl ClipSampling {
    /// Draws the frames of a clip from a video of `length` frames.
    ///
    /// All frames but the first chosen one are drawn with replacement, so some may occur twice.
    ///
    /// Differs: where no frame is near enough and far enough, as in a video of one frame, the
    /// first chosen one is repeated; the reference fails.
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
