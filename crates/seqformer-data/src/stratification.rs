//! Items with several labels, distributed among parts so that each part gets its share of every label.
//!
//! Reference: Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-Label Data" (ECML PKDD 2011), iterative
//! stratification.
// Differs: parts have exactly the sizes that were asked for, and of equal parts the first one is taken instead of a random one.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Purpose, Random};

/// Returns the part of every item, given the labels of each and the number of items of each part.
///
/// The rarest label is distributed first. Each of its items goes to the part with room that lacks most of this label, among
/// equals to the one that lacks most items, and among those to the first.
///
/// # Panics
///
/// The sizes do not add up to the number of items.
pub fn stratify<L: Ord + Copy>(labels: &[BTreeSet<L>], sizes: &[usize], seed: u64) -> Vec<usize> {
    assert_eq!(sizes.iter().sum::<usize>(), labels.len(), "every item is in one part");
    // Items that are not distributed yet, with a label.
    let mut left = BTreeMap::new();
    for &label in labels.iter().flatten() {
        *left.entry(label).or_insert(0_usize) += 1;
    }
    let mut parts: Vec<Part<L>> =
        sizes.iter().map(|&size| Part::new(size, labels.len(), &left)).collect();
    let mut order: Vec<usize> = (0..labels.len()).collect();
    Random::new(seed, Purpose::Split, 0).shuffle(&mut order);
    let mut part_of = vec![0; labels.len()];
    while !order.is_empty() {
        let some_left = left.iter().filter(|(_, count)| **count > 0);
        let rarest = some_left.min_by_key(|(_, count)| **count).map(|(label, _)| *label);
        let (now, later): (Vec<usize>, Vec<usize>) = match rarest {
            Some(label) => order.iter().partition(|&&item| labels[item].contains(&label)),
            None => (order, Vec::new()),
        };
        for item in now {
            let part = best(&parts, rarest);
            part_of[item] = part;
            parts[part].room -= 1;
            for label in &labels[item] {
                left.entry(*label).and_modify(|count| *count -= 1);
                parts[part].lacks.entry(*label).and_modify(|lacks| *lacks -= 1.0);
            }
        }
        order = later;
    }
    part_of
}

/// Returns the sizes of parts of `total` items, in proportion to `weights` as nearly as whole numbers can be (the method of
/// the largest remainder; among equals, the first parts are larger).
pub fn sizes_by_weight(total: usize, weights: &[f64]) -> Vec<usize> {
    let sum: f64 = weights.iter().sum();
    // Rounding must not take one from a share that is a whole number.
    let share = |weight: &f64| total as f64 * weight / sum + 1e-9;
    let mut sizes: Vec<usize> = weights.iter().map(|weight| share(weight) as usize).collect();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    let remainder = |part: usize| share(&weights[part]).fract();
    by_remainder.sort_by(|&a, &b| remainder(b).total_cmp(&remainder(a)));
    let missing = total.saturating_sub(sizes.iter().sum());
    by_remainder.iter().take(missing).for_each(|&part| sizes[part] += 1);
    sizes
}

/// A part while items are distributed.
#[derive(Debug)]
struct Part<L> {
    /// Items that still fit in.
    room: usize,
    /// For each label, how many items with it are still to come.
    lacks: BTreeMap<L, f64>,
}

impl<L: Ord + Copy> Part<L> {
    fn new(size: usize, total: usize, counts: &BTreeMap<L, usize>) -> Self {
        let share = size as f64 / total.max(1) as f64;
        let lacks = counts.iter().map(|(&label, &count)| (label, share * count as f64));
        Self { room: size, lacks: lacks.collect() }
    }
}

/// Finds the part with room that lacks most.
fn best<L: Ord>(parts: &[Part<L>], label: Option<L>) -> usize {
    // Shares that are equal differ by rounding.
    const EQUAL: f64 = 1e-9;
    let lacks = |part: usize| {
        let of_label = label.as_ref().and_then(|label| parts[part].lacks.get(label));
        of_label.copied().unwrap_or_default()
    };
    let mut best = None;
    for part in (0..parts.len()).filter(|&part| parts[part].room > 0) {
        let is_better = best.is_none_or(|best| {
            let more = lacks(part) - lacks(best);
            more > EQUAL || more >= -EQUAL && parts[part].room > parts[best].room
        });
        if is_better {
            best = Some(part);
        }
    }
    best.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of items of a part with each label.
    fn counts(labels: &[BTreeSet<i64>], part_of: &[usize], part: usize) -> BTreeMap<i64, usize> {
        let mut counts = BTreeMap::new();
        for (labels, _) in labels.iter().zip(part_of).filter(|(_, of_item)| **of_item == part) {
            for label in labels {
                *counts.entry(*label).or_insert(0) += 1;
            }
        }
        counts
    }

    #[test]
    fn every_part_gets_its_share_of_every_label() {
        // 100 items, of which 50, 20, 10 and 5 have a label, independently of each other.
        let every = [(1, 2), (2, 5), (3, 10), (4, 20)];
        let has = |item: i64, label: i64, every: i64| (item * 37 + label * 11) % every == 0;
        let of_item = |item: i64| {
            let found = every.iter().filter(move |(label, every)| has(item, *label, *every));
            found.map(|(label, _)| *label).collect()
        };
        let labels: Vec<BTreeSet<i64>> = (0..100).map(of_item).collect();
        for seed in 0..20 {
            let part_of = stratify(&labels, &[70, 20, 10], seed);
            assert_eq!(part_of, stratify(&labels, &[70, 20, 10], seed));
            for (part, size) in [70, 20, 10].into_iter().enumerate() {
                assert_eq!(part_of.iter().filter(|of_item| **of_item == part).count(), size);
                let found = counts(&labels, &part_of, part);
                for (label, every) in every {
                    let expected = size as f64 / every as f64;
                    let found = found.get(&label).copied().unwrap_or_default() as f64;
                    assert!((found - expected).abs() <= 1.0, "seed {seed}, label {label}: {found}");
                }
            }
        }
        assert_ne!(stratify(&labels, &[50, 50], 0), stratify(&labels, &[50, 50], 1));
    }

    #[test]
    fn a_label_of_one_item_is_in_the_larger_part_and_sizes_are_exact() {
        let labels: Vec<BTreeSet<i64>> =
            [&[7][..], &[1], &[1], &[1, 2], &[2], &[], &[], &[1], &[2], &[]]
                .iter()
                .map(|labels| labels.iter().copied().collect())
                .collect();
        for seed in 0..50 {
            let part_of = stratify(&labels, &[7, 3], seed);
            assert_eq!(part_of.iter().sum::<usize>(), 3);
            assert_eq!(part_of[0], 0, "seed {seed}");
            let small = counts(&labels, &part_of, 1);
            assert!(small[&1] >= 1 && small[&2] >= 1, "seed {seed}: {small:?}");
        }
        assert!(stratify::<i64>(&[], &[0, 0], 0).is_empty());
    }

    #[test]
    fn sizes_are_in_proportion_to_weights() {
        let cases: [(usize, &[f64], &[usize]); 6] = [
            (100, &[0.7, 0.2, 0.1], &[70, 20, 10]),
            (10, &[1.0, 1.0, 1.0], &[4, 3, 3]),
            (2, &[1.0, 1.0, 1.0], &[1, 1, 0]),
            (7, &[80.0, 20.0], &[6, 1]),
            (3, &[0.1, 0.2], &[1, 2]),
            (0, &[1.0], &[0]),
        ];
        for (total, weights, expected) in cases {
            assert_eq!(sizes_by_weight(total, weights), expected, "{total} {weights:?}");
        }
    }
}
