//! Which videos are held back for validation.
//!
//! Iterative stratification: every class has, as nearly as can be, the same share of its videos on either side. Rare classes
//! are dealt out first, because later there would be no choice left for them.
//!
//! Source: Sechidis, Tsoumakas and Vlahavas, "On the stratification of multi-label data" (ECML PKDD 2011), algorithm 1, for
//! two parts. Differs: the parts have exactly the sizes that were asked for, and of equal parts the training comes first.

use std::collections::{BTreeMap, BTreeSet};

use seqformer_data::{Purpose, Random};

/// Training and validation, as positions in lists of two.
const TRAIN: usize = 0;
const VAL: usize = 1;

/// Decides for each video, given by its classes, whether it is one of the `num_val` for validation.
pub(crate) fn split(videos: &[BTreeSet<i64>], num_val: usize, seed: u64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..videos.len()).collect();
    Random::new(seed, Purpose::Split, 0).shuffle(&mut order);
    let mut parts = Parts::new(videos, num_val);
    while let Some(class) = parts.rarest() {
        for &video in &order {
            if parts.of_video[video].is_none() && videos[video].contains(&class) {
                parts.deal(video, &videos[video], class);
            }
        }
    }
    for &video in &order {
        if parts.of_video[video].is_none() {
            parts.put(video, parts.larger_room());
        }
    }
    parts.of_video.iter().map(|part| *part == Some(VAL)).collect()
}

/// How many videos `share` of all are: at least one, and not all.
pub(crate) fn num_val(videos: usize, share: f64) -> usize {
    ((videos as f64 * share).round() as usize).clamp(1, videos.saturating_sub(1).max(1))
}

/// The two parts while videos are dealt out.
struct Parts {
    of_video: Vec<Option<usize>>,
    /// Videos that still fit in.
    room: [usize; 2],
    /// For each class, the videos that are not dealt out yet.
    left: BTreeMap<i64, usize>,
    /// For each class, how many videos of it each part should still get.
    wanted: BTreeMap<i64, [f64; 2]>,
}

impl Parts {
    fn new(videos: &[BTreeSet<i64>], num_val: usize) -> Self {
        let mut left = BTreeMap::new();
        for &class in videos.iter().flatten() {
            *left.entry(class).or_insert(0_usize) += 1;
        }
        let share = num_val as f64 / videos.len().max(1) as f64;
        let wanted = |count: usize| [(1.0 - share) * count as f64, share * count as f64];
        Self {
            of_video: vec![None; videos.len()],
            room: [videos.len() - num_val, num_val],
            wanted: left.iter().map(|(&class, &count)| (class, wanted(count))).collect(),
            left,
        }
    }

    /// The class with the fewest videos that are not dealt out.
    fn rarest(&self) -> Option<i64> {
        let some_left = self.left.iter().filter(|(_, left)| **left > 0);
        some_left.min_by_key(|(_, left)| **left).map(|(class, _)| *class)
    }

    /// Puts a video where its rarest class is wanted most.
    fn deal(&mut self, video: usize, classes: &BTreeSet<i64>, rarest: i64) {
        let [train, val] = self.wanted.get(&rarest).copied().unwrap_or_default();
        let part = match self.room {
            [0, _] => VAL,
            [_, 0] => TRAIN,
            _ if val > train => VAL,
            _ if train > val => TRAIN,
            _ => self.larger_room(),
        };
        for class in classes {
            if let (Some(left), Some(wanted)) =
                (self.left.get_mut(class), self.wanted.get_mut(class))
            {
                *left -= 1;
                wanted[part] -= 1.0;
            }
        }
        self.put(video, part);
    }

    fn put(&mut self, video: usize, part: usize) {
        self.of_video[video] = Some(part);
        self.room[part] -= 1;
    }

    fn larger_room(&self) -> usize {
        if self.room[VAL] > self.room[TRAIN] { VAL } else { TRAIN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of validation videos of each class.
    fn held_back(videos: &[BTreeSet<i64>], is_val: &[bool]) -> BTreeMap<i64, usize> {
        let mut counts = BTreeMap::new();
        for (video, _) in videos.iter().zip(is_val).filter(|(_, is_val)| **is_val) {
            for class in video {
                *counts.entry(*class).or_insert(0) += 1;
            }
        }
        counts
    }

    #[test]
    fn every_class_has_its_share_in_both_parts() {
        // Class 1 in all, 2 in every second, 3 in every tenth of 100 videos.
        let videos: Vec<BTreeSet<i64>> = (0..100)
            .map(|i| {
                [(1, 1), (2, 2), (3, 10)]
                    .into_iter()
                    .filter(move |(_, n)| i % n == 0)
                    .map(|(c, _)| c)
            })
            .map(Iterator::collect)
            .collect();
        for seed in 0..20 {
            let is_val = split(&videos, 20, seed);
            let counts = held_back(&videos, &is_val);
            assert_eq!(counts, BTreeMap::from([(1, 20), (2, 10), (3, 2)]), "seed {seed}");
        }
        let splits: BTreeSet<Vec<bool>> = (0..20).map(|seed| split(&videos, 20, seed)).collect();
        assert!(splits.len() > 10, "the seed decides which videos");
        assert_eq!(split(&videos, 20, 3), split(&videos, 20, 3));
    }

    #[test]
    fn a_class_of_one_video_is_trained_and_sizes_are_exact() {
        let videos: Vec<BTreeSet<i64>> =
            [&[7][..], &[1], &[1], &[1, 2], &[2], &[], &[], &[1], &[2], &[]]
                .iter()
                .map(|classes| classes.iter().copied().collect())
                .collect();
        for seed in 0..50 {
            let is_val = split(&videos, 3, seed);
            assert_eq!(is_val.iter().filter(|is_val| **is_val).count(), 3);
            assert!(!is_val[0], "seed {seed}: the only video of class 7 is not trained on");
            let counts = held_back(&videos, &is_val);
            assert!(counts[&1] >= 1 && counts[&2] >= 1, "seed {seed}: {counts:?}");
        }
    }

    #[test]
    fn neither_part_is_empty() {
        for (videos, share, expected) in
            [(2, 0.2, 1), (2, 0.9, 1), (10, 0.2, 2), (3, 0.01, 1), (3, 0.99, 2), (30, 0.2, 6)]
        {
            assert_eq!(num_val(videos, share), expected, "{videos} {share}");
        }
        let both: Vec<BTreeSet<i64>> = vec![BTreeSet::from([1]), BTreeSet::from([1])];
        assert_eq!(split(&both, 1, 0).iter().filter(|is_val| **is_val).count(), 1);
    }
}
