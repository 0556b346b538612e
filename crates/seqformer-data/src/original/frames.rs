//! The original repository's choice of frames.
//!
//! Reference: its `datasets/ytvos.py`, `YTVOSDataset.__getitem__`.

use crate::random::Random;

/// The largest distance of the two neighbours.
const MAX_DISTANCE: u32 = 3;
/// The frame and its two neighbours.
const NUM_LOCAL: usize = 3;

/// Draws the frames of the clip around frame `frame` of a video of `length` frames, in order.
///
/// A frame before and one after it are 1 to 3 frames away, or the first and last one of the video.
/// The others come from the rest of the video, to which the last of the three belongs; if that is
/// too short, from the whole video; and all frames are taken if even that is too short. A clip of
/// fewer than three frames has the first ones of the three.
///
/// Differs: videos of less than half as many frames as the rest of the clip repeat them; the
/// original fails.
pub(super) fn draw(
    length: usize,
    frame: usize,
    num_frames: usize,
    random: &mut Random,
) -> Vec<usize> {
    let before = random.between(1, MAX_DISTANCE) as usize;
    let after = random.between(1, MAX_DISTANCE) as usize;
    let last = length.saturating_sub(1);
    let (first, end) = (frame.saturating_sub(before), (frame + after).min(last));
    let mut frames = vec![first, frame, end];
    let others = num_frames.saturating_sub(NUM_LOCAL);
    let pool: Vec<usize> = (0..first).chain(end..length).collect();
    if pool.len() > others {
        frames.extend(distinct(pool, others, random));
    } else {
        let all = || (0..length).collect::<Vec<_>>();
        let mut missing = others;
        while missing > length && length > 0 {
            frames.extend(all());
            missing -= length;
        }
        frames.extend(distinct(all(), missing, random));
    }
    frames.sort_unstable();
    frames.truncate(num_frames);
    frames
}

/// Draws `count` of the entries, each at most once.
fn distinct(mut entries: Vec<usize>, count: usize, random: &mut Random) -> Vec<usize> {
    for place in 0..count.min(entries.len()) {
        let chosen = place + random.index(entries.len() - place);
        entries.swap(place, chosen);
    }
    entries.truncate(count);
    entries
}

#[cfg(test)]
mod tests {
    //! All outcomes, worked out from the original's lines.

    use std::collections::BTreeSet;

    use super::*;
    use crate::Purpose;

    fn outcomes(length: usize, frame: usize, num_frames: usize) -> BTreeSet<Vec<usize>> {
        (0..4000)
            .map(|index| {
                let mut random = Random::new(7, Purpose::Sample, index);
                draw(length, frame, num_frames, &mut random)
            })
            .collect()
    }

    #[test]
    fn short_videos_have_few_outcomes() {
        // One frame is all there is.
        assert_eq!(outcomes(1, 0, 5), BTreeSet::from([vec![0; 5]]));
        // 0, 0 and 1; the rest is frame 1 alone, so both frames of the video are added.
        assert_eq!(outcomes(2, 0, 5), BTreeSet::from([vec![0, 0, 0, 1, 1]]));
        // 0, 1 and 2; the rest is frame 2 alone, so two of the three frames are added.
        let expected = [[0, 0, 1, 1, 2], [0, 0, 1, 2, 2], [0, 1, 1, 2, 2]];
        assert_eq!(outcomes(3, 1, 5), expected.map(Vec::from).into());
        // 0, 0 and 1 or 2. Rest of two frames: 1 and 2, no more than needed, so any two of the video; of one: the same.
        let pairs = [[0, 1], [0, 2], [1, 2]];
        let with = |end: usize| {
            pairs.map(|pair| {
                let mut frames = vec![0, 0, end, pair[0], pair[1]];
                frames.sort_unstable();
                frames
            })
        };
        assert_eq!(outcomes(3, 0, 5), with(1).into_iter().chain(with(2)).collect());
        // Eight frames of a video of two: 0, 0, 1, then twice both, and one of them.
        let expected = [vec![0, 0, 0, 0, 0, 1, 1, 1], vec![0, 0, 0, 0, 1, 1, 1, 1]];
        assert_eq!(outcomes(2, 0, 8), expected.into());
    }

    #[test]
    fn the_last_neighbour_may_come_twice_and_the_frames_between_do_not() {
        // Around frame 10 of 30, for each pair of distances: two of the frames before 10 - a or from 10 + b on.
        let mut expected = BTreeSet::new();
        for (a, b) in (1..=3).flat_map(|a| (1..=3).map(move |b| (a, b))) {
            let pool: Vec<usize> = (0..10 - a).chain(10 + b..30).collect();
            for (index, &one) in pool.iter().enumerate() {
                for &other in &pool[..index] {
                    let mut frames = vec![10 - a, 10, 10 + b, one, other];
                    frames.sort_unstable();
                    expected.insert(frames);
                }
            }
        }
        let found = outcomes(30, 10, 5);
        assert!(found.is_subset(&expected), "{:?}", found.difference(&expected).next());
        assert!(found.iter().any(|frames| frames.windows(2).any(|two| two[0] == two[1])));
        let seen: BTreeSet<usize> = found.into_iter().flatten().collect();
        assert_eq!(seen, (0..30).collect());
    }

    #[test]
    fn short_clips_have_the_first_of_the_three() {
        assert_eq!(outcomes(30, 10, 1), (7..10).map(|frame| vec![frame]).collect());
        assert_eq!(outcomes(30, 10, 2), (7..10).map(|frame| vec![frame, 10]).collect());
        assert_eq!(outcomes(30, 10, 3).len(), 9);
    }
}
