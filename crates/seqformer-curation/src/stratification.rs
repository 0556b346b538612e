//! Items with several labels, distributed among parts so that each part gets its share of every label.
//!
//! Reference: Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-Label Data" (ECML PKDD 2011), iterative
//! stratification.

use std::collections::BTreeSet;

use seqformer_data::{Purpose, Random};

/// Returns the part of every item, given the labels of each and the share of each part.
///
/// The rarest label is distributed first. Each of its items goes to the part that lacks most of this label, among equals
/// to the one that lacks most items, and among those to one at random.
pub(crate) fn stratify(labels: &[BTreeSet<usize>], shares: &[f64], seed: u64) -> Vec<usize> {
    let mut random = Random::new(seed, Purpose::Split, 0);
    let num_labels = labels.iter().filter_map(BTreeSet::last).max().map_or(0, |last| last + 1);
    let count = |label: usize| labels.iter().filter(|of_item| of_item.contains(&label)).count();
    let sum: f64 = shares.iter().sum();
    let mut parts: Vec<Lacks> = shares
        .iter()
        .map(|share| Lacks {
            items: labels.len() as f64 * share / sum,
            of_label: (0..num_labels).map(|label| count(label) as f64 * share / sum).collect(),
        })
        .collect();
    let mut left: Vec<usize> = (0..labels.len()).collect();
    random.shuffle(&mut left);
    let mut part_of = vec![0; labels.len()];
    while !left.is_empty() {
        let mut counts = vec![0_usize; num_labels];
        left.iter().flat_map(|&item| &labels[item]).for_each(|&label| counts[label] += 1);
        let rarest =
            (0..num_labels).filter(|&label| counts[label] > 0).min_by_key(|&label| counts[label]);
        let (now, later): (Vec<usize>, Vec<usize>) = match rarest {
            Some(label) => left.iter().partition(|&&item| labels[item].contains(&label)),
            None => (left, Vec::new()),
        };
        for item in now {
            let part = best(&parts, rarest, &mut random);
            part_of[item] = part;
            parts[part].items -= 1.0;
            labels[item].iter().for_each(|&label| parts[part].of_label[label] -= 1.0);
        }
        left = later;
    }
    part_of
}

/// How much a part lacks.
#[derive(Debug)]
struct Lacks {
    items: f64,
    of_label: Vec<f64>,
}

/// Finds the part that lacks most.
fn best(parts: &[Lacks], label: Option<usize>, random: &mut Random) -> usize {
    // Sums of shares differ by rounding.
    const EQUAL: f64 = 1e-9;
    let mut candidates: Vec<usize> = (0..parts.len()).collect();
    let mut keep_best = |lacks: &dyn Fn(&Lacks) -> f64| {
        let most = candidates.iter().map(|&part| lacks(&parts[part])).fold(f64::MIN, f64::max);
        candidates.retain(|&part| lacks(&parts[part]) >= most - EQUAL);
    };
    if let Some(label) = label {
        keep_best(&|part| part.of_label[label]);
    }
    keep_best(&|part| part.items);
    candidates[random.below(candidates.len() as u64) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_gets_its_share_of_every_label() {
        // 100 items, of which 50, 20, 10 and 5 have a label, independently of each other.
        let labels: Vec<BTreeSet<usize>> = (0..100)
            .map(|item: usize| {
                let every = [2, 5, 10, 20];
                (0..4)
                    .filter(|&label| (item * 37 + label * 11).is_multiple_of(every[label]))
                    .collect()
            })
            .collect();
        for seed in 0..20 {
            let parts = stratify(&labels, &[80.0, 20.0], seed);
            assert_eq!(parts, stratify(&labels, &[80.0, 20.0], seed));
            for (label, total) in [(0, 50), (1, 20), (2, 10), (3, 5)] {
                let share = labels
                    .iter()
                    .zip(&parts)
                    .filter(|(of_item, part)| **part == 1 && of_item.contains(&label));
                let (found, expected) = (share.count() as f64, f64::from(total) / 5.0);
                assert!((found - expected).abs() <= 1.0, "label {label}: {found} of {expected}");
            }
            let small = parts.iter().filter(|part| **part == 1).count();
            assert!((19..=21).contains(&small), "{small}");
        }
        assert_ne!(stratify(&labels, &[1.0, 1.0], 0), stratify(&labels, &[1.0, 1.0], 1));
    }
}
