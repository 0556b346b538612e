//! Completeness, shares, places, groups and ratios.

use super::*;

fn records(sampler: TrainingSampler, count: usize) -> Vec<(usize, usize)> {
    sampler.take(count).map(|entry| (entry.dataset, entry.record)).collect()
}

fn whole(lengths: &[usize], mixture: &Mixture, seed: u64) -> TrainingSampler {
    TrainingSampler::new(lengths, mixture, seed, Shard::WHOLE)
}

#[test]
fn every_epoch_has_every_record_once_in_an_order_of_its_own() {
    let drawn = records(whole(&[3, 0, 4], &Mixture::Concatenated, 1), 21);
    let epochs: Vec<&[(usize, usize)]> = drawn.chunks(7).collect();
    for epoch in &epochs {
        let mut sorted = epoch.to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, [(0, 0), (0, 1), (0, 2), (2, 0), (2, 1), (2, 2), (2, 3)]);
    }
    assert!(epochs[0] != epochs[1] || epochs[1] != epochs[2]);
    assert_ne!(drawn, records(whole(&[3, 0, 4], &Mixture::Concatenated, 2), 21));
}

#[test]
fn processes_share_one_stream() {
    for mixture in [Mixture::Concatenated, Mixture::Weighted(vec![1.0, 2.0])] {
        let all: Vec<StreamEntry> = whole(&[5, 8], &mixture, 3).take(30).collect();
        assert!(all.iter().zip(0..).all(|(entry, position)| entry.position == position));
        for rank in 0..3 {
            let shard = Shard { rank, world_size: 3 };
            let own: Vec<_> = TrainingSampler::new(&[5, 8], &mixture, 3, shard).take(10).collect();
            let expected: Vec<_> = all.iter().copied().skip(rank).step_by(3).collect();
            assert_eq!(own, expected, "rank {rank}");
        }
    }
}

#[test]
fn skipping_is_the_same_as_taking() {
    for mixture in [Mixture::Concatenated, Mixture::Weighted(vec![0.7, 0.3])] {
        let shard = Shard { rank: 1, world_size: 2 };
        let sampler = || TrainingSampler::new(&[5, 8], &mixture, 3, shard);
        for count in [0_u64, 1, 7, 40] {
            let mut skipped = sampler();
            skipped.skip_records(count);
            let expected: Vec<_> = sampler().skip(count as usize).take(9).collect();
            assert_eq!(skipped.take(9).collect::<Vec<_>>(), expected, "{mixture:?} {count}");
        }
    }
}

#[test]
fn weights_are_the_shares_of_the_datasets_and_each_goes_through_all_its_records() {
    let mixture = Mixture::Weighted(vec![3.0, 1.0, 0.0, f64::NAN]);
    let drawn = records(whole(&[4, 10, 5, 5], &mixture, 4), 4000);
    let count = |dataset: usize| drawn.iter().filter(|(found, _)| *found == dataset).count();
    // Binomial with n = 4000 and p = 3/4: six standard deviations are 164.
    assert!(count(0).abs_diff(3000) < 164, "{}", count(0));
    assert_eq!((count(0) + count(1), count(2), count(3)), (4000, 0, 0));
    let first: Vec<usize> = drawn.iter().filter(|(d, _)| *d == 0).map(|(_, r)| *r).collect();
    for epoch in first.chunks_exact(4) {
        let mut sorted = epoch.to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3]);
    }
}

#[test]
fn nothing_to_draw_from_ends_at_once() {
    assert_eq!(whole(&[], &Mixture::Concatenated, 1).next(), None);
    assert_eq!(whole(&[0, 0], &Mixture::Concatenated, 1).next(), None);
    assert_eq!(whole(&[3], &Mixture::Weighted(vec![0.0]), 1).next(), None);
    assert_eq!(whole(&[3], &Mixture::Weighted(vec![]), 1).next(), None);
}

#[test]
fn grouped_batches_are_wide_or_not_and_lose_nobody() {
    let is_wide: Vec<bool> = (0..10).map(|record| record % 3 == 0).collect();
    let sampler = BatchSampler::new(vec![10], Mixture::Concatenated, 4, 5, Shard::WHOLE);
    let batches: Vec<Vec<StreamEntry>> = sampler.grouped(vec![is_wide.clone()]).take(50).collect();
    let mut positions = std::collections::BTreeSet::new();
    for batch in &batches {
        assert_eq!(batch.len(), 4);
        assert!(batch.iter().all(|entry| is_wide[entry.record] == is_wide[batch[0].record]));
        assert!(batch.iter().all(|entry| positions.insert(entry.position)));
    }
    assert!(batches.iter().any(|batch| is_wide[batch[0].record]));
    // At most three of each kind wait for their batch.
    assert!(positions.last().is_some_and(|&last| last < 50 * 4 + 6));
}

#[test]
fn batches_continue_at_any_number() {
    let flags = vec![(0..7).map(|record| record % 2 == 0).collect(), vec![true; 4]];
    for mixture in [Mixture::Concatenated, Mixture::Weighted(vec![1.0, 1.0])] {
        let plain = || {
            let shard = Shard { rank: 1, world_size: 2 };
            BatchSampler::new(vec![7, 4], mixture.clone(), 3, 6, shard)
        };
        let grouped = || plain().grouped(flags.clone());
        let check = |sampler: &dyn Fn() -> BatchSampler| {
            let all: Vec<_> = sampler().take(30).collect();
            for start in [0, 1, 11, 20] {
                let continued = sampler().starting_at(start as u64);
                assert_eq!(continued.num_batches(), start as u64);
                let duplicate = continued.duplicate();
                assert_eq!(continued.take(10).collect::<Vec<_>>(), all[start..start + 10]);
                assert_eq!(duplicate.take(10).collect::<Vec<_>>(), all[start..start + 10]);
            }
        };
        check(&plain);
        check(&grouped);
    }
}

#[test]
fn inference_ranges_are_contiguous_complete_and_even() {
    for (length, world_size) in [(10, 3), (2, 4), (0, 2), (7, 1), (9, 3)] {
        let ranges: Vec<Range<usize>> =
            (0..world_size).map(|rank| Shard { rank, world_size }.range_of(length)).collect();
        let all: Vec<usize> = ranges.iter().cloned().flatten().collect();
        assert_eq!(all, (0..length).collect::<Vec<_>>());
        let lengths: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
        assert!(lengths.is_sorted_by(|a, b| a >= b) && lengths[0] - lengths[world_size - 1] <= 1);
    }
}

#[test]
fn repeated_records_come_as_often_as_they_should_and_none_is_lost() {
    for mixture in [Mixture::Concatenated, Mixture::Weighted(vec![1.0, 1.0])] {
        let repeats = vec![vec![1.0, 2.5, 1.0], vec![4.0, 1.0]];
        let sampler =
            || TrainingSampler::new(&[3, 2], &mixture, 7, Shard::WHOLE).repeating(&repeats);
        let drawn = records(sampler(), 6000);
        let count = |record| drawn.iter().filter(|found| **found == record).count() as f64;
        let share = |record, other| count(record) / count(other);
        assert!((share((0, 1), (0, 0)) - 2.5).abs() < 0.2, "{mixture:?}");
        assert!((share((0, 2), (0, 0)) - 1.0).abs() < 0.05, "{mixture:?}");
        assert!((share((1, 0), (1, 1)) - 4.0).abs() < 0.05, "{mixture:?}");
        for count in [0_u64, 8, 500] {
            let mut skipped = sampler();
            skipped.skip_records(count);
            let expected: Vec<_> = sampler().skip(count as usize).take(20).collect();
            assert_eq!(skipped.take(20).collect::<Vec<_>>(), expected, "{mixture:?} {count}");
        }
    }
    let batches = || {
        BatchSampler::new(vec![3], Mixture::Concatenated, 2, 7, Shard::WHOLE)
            .repeating(vec![vec![3.0, 1.0, 1.0]])
    };
    let all: Vec<_> = batches().take(40).collect();
    assert_eq!(batches().starting_at(13).take(27).collect::<Vec<_>>(), all[13..]);
    let first = all.iter().flatten().filter(|entry| entry.record == 0).count();
    assert_eq!(first, 48, "three fifths of 80");
}
