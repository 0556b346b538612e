//! Ranges, fairness and independence.

use super::*;

#[test]
fn streams_depend_on_seed_purpose_and_index() {
    let first = |seed, purpose, index| Random::new(seed, purpose, index).bits();
    let one = first(1, Purpose::Sample, 1);
    assert_eq!(one, first(1, Purpose::Sample, 1));
    assert_ne!(one, first(2, Purpose::Sample, 1));
    assert_ne!(one, first(1, Purpose::Mixture, 1));
    assert_ne!(one, first(1, Purpose::Sample, 2));
}

#[test]
fn all_numbers_of_a_range_come_equally_often() {
    let mut random = Random::new(3, Purpose::Sample, 0);
    let mut counts = [0_u32; 5];
    for _ in 0..10_000 {
        counts[random.index(5)] += 1;
    }
    // Binomial with n = 10000 and p = 1/5: six standard deviations are 240.
    assert!(counts.iter().all(|&count| count.abs_diff(2000) < 240), "{counts:?}");
    assert!((0..100).all(|_| (7..=9).contains(&random.between(7, 9))));
    assert!((0..100).all(|_| (-1.5..2.0).contains(&random.uniform(-1.5..2.0))));
    assert_eq!((random.below(0), random.between(4, 4)), (0, 4));
}

#[test]
fn shuffling_keeps_the_entries_and_reaches_every_order() {
    let mut random = Random::new(4, Purpose::Sample, 0);
    let mut orders = std::collections::BTreeMap::new();
    for _ in 0..6000 {
        let mut list = [0, 1, 2];
        random.shuffle(&mut list);
        *orders.entry(list).or_insert(0_u32) += 1;
    }
    // Binomial with n = 6000 and p = 1/6: six standard deviations are 173.
    assert_eq!(orders.len(), 6);
    assert!(orders.values().all(|count| count.abs_diff(1000) < 173), "{orders:?}");
}

#[test]
fn normal_numbers_have_the_shares_of_the_bell_curve() {
    const NUM_DRAWS: u32 = 100_000;
    let mut random = Random::new(5, Purpose::Sample, 0);
    let numbers: Vec<f64> = (0..NUM_DRAWS).map(|_| random.normal()).collect();
    let draws = f64::from(NUM_DRAWS);
    // The distribution function at these places, from tables.
    let shares = [
        (-3.0, 0.001_349_898),
        (-2.0, 0.022_750_132),
        (-1.0, 0.158_655_254),
        (-0.5, 0.308_537_539),
        (0.0, 0.5),
        (0.25, 0.598_706_326),
        (1.0, 0.841_344_746),
        (1.5, 0.933_192_799),
        (2.5, 0.993_790_335),
    ];
    for (place, share) in shares {
        let found = numbers.iter().filter(|&&number| number < place).count() as f64 / draws;
        let six_sigma = 6.0 * (share * (1.0 - share) / draws).sqrt();
        assert!((found - share).abs() < six_sigma, "below {place}: {found}, expected {share}");
    }
    // Standard deviations of the mean and of the mean square: 1/√n and √(2/n).
    let mean = numbers.iter().sum::<f64>() / draws;
    let square = numbers.iter().map(|number| number * number).sum::<f64>() / draws;
    assert!(mean.abs() < 6.0 / draws.sqrt(), "{mean}");
    assert!((square - 1.0).abs() < 6.0 * (2.0 / draws).sqrt(), "{square}");
}
