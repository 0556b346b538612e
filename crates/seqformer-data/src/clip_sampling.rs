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
mod tests {
    //! The properties of the reference's choice.

    use std::collections::BTreeSet;

    use super::*;
    use crate::Purpose;

    const SAMPLING: ClipSampling =
        ClipSampling { num_frames: 5, range: 3, interval: 1, shuffle: false };

    fn draws(sampling: ClipSampling, length: usize) -> impl Iterator<Item = Vec<usize>> {
        (0..300)
            .map(move |index| sampling.draw(length, &mut Random::new(1, Purpose::Sample, index)))
    }

    #[test]
    fn frames_are_sorted_near_one_of_them_and_that_one_occurs_once() {
        for interval in 1..=3 {
            for frames in draws(ClipSampling { interval, ..SAMPLING }, 20) {
                assert_eq!(frames.len(), 5);
                assert!(frames.is_sorted());
                let is_first = |first: usize| {
                    let distances = frames.iter().map(|frame| frame.abs_diff(first));
                    let zero = distances.clone().filter(|&distance| distance == 0).count();
                    zero == 1 && distances.filter(|&d| d != 0).all(|d| (interval..=3).contains(&d))
                };
                assert!(frames.iter().any(|&frame| is_first(frame)), "{interval}: {frames:?}");
            }
        }
    }

    #[test]
    fn every_frame_of_a_video_is_drawn_at_some_time() {
        let seen: BTreeSet<usize> = draws(SAMPLING, 12).flatten().collect();
        assert_eq!(seen, (0..12).collect());
    }

    #[test]
    fn videos_too_short_repeat_the_frame() {
        assert!(draws(SAMPLING, 1).all(|frames| frames == [0; 5]));
        let far = ClipSampling { interval: 9, ..SAMPLING };
        assert!(draws(far, 20).all(|frames| frames.iter().all(|&frame| frame == frames[0])));
    }

    #[test]
    fn shuffled_frames_are_not_always_sorted() {
        let shuffled = ClipSampling { shuffle: true, ..SAMPLING };
        assert!(draws(shuffled, 20).any(|frames| !frames.is_sorted()));
    }
}
