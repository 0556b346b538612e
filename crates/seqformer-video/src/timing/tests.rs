use super::*;

fn rate(numerator: u32, denominator: u32) -> FrameRate {
    FrameRate { numerator, denominator }
}

fn timed(times: &[f64], claimed: Option<FrameRate>) -> (Timing, Vec<String>) {
    let times = times.iter().map(|&time| Some(time)).collect();
    Timing::new(&TimeStamps { times, claimed, ..TimeStamps::default() }).unwrap()
}

/// Milliseconds, as in Matroska.
fn rounded(count: usize, fps: f64) -> Vec<f64> {
    (0..count).map(|index| (index as f64 * 1000.0 / fps).round() / 1000.0).collect()
}

#[test]
fn rounded_time_stamps_of_an_even_rate_give_its_exact_fraction() {
    for (fps, expected) in [
        (30000.0 / 1001.0, rate(30000, 1001)),
        (24000.0 / 1001.0, rate(24000, 1001)),
        (25.0, rate(25, 1)),
        (12.5, rate(12500, 1000)),
    ] {
        for claimed in [None, Some(expected), Some(rate(1000, 1))] {
            let (timing, notes) = timed(&rounded(300, fps), claimed);
            assert_eq!(
                timing.rate.map(FrameRate::per_second),
                Some(expected.per_second()),
                "{fps}"
            );
            assert_eq!(notes.is_empty(), claimed != Some(rate(1000, 1)), "{fps}: {notes:?}");
        }
    }
}

#[test]
fn a_claim_that_the_time_stamps_contradict_is_not_gone_by_and_said() {
    let (timing, notes) = timed(&rounded(100, 30.0), Some(rate(1000, 1)));
    assert_eq!(timing.rate, Some(rate(30, 1)));
    assert_eq!(
        notes,
        [
            "the file claims 1000 frames per second, but its time stamps give 30; the time stamps are used"
        ]
    );
}

#[test]
fn a_varying_rate_keeps_its_times() {
    let times = [0.0, 0.1, 0.4, 0.45, 1.0];
    let (timing, notes) = timed(&times, Some(rate(25, 1)));
    assert_eq!((timing.times.as_slice(), timing.rate), (times.as_slice(), None));
    assert!((timing.duration(2) - 0.05).abs() < 1e-12);
    assert!(notes.iter().any(|note| note.contains("varies, 50 to 550 ms")), "{notes:?}");
}

#[test]
fn frames_that_were_dropped_are_counted() {
    let mut times = rounded(60, 30.0);
    times.drain(40..43);
    times.remove(10);
    let (timing, notes) = timed(&times, Some(rate(30, 1)));
    assert_eq!((timing.times.len(), timing.rate), (56, None));
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("4 frames are missing"), "{notes:?}");
    assert!(notes[0].contains("first after frame 9 at 0.3 s"), "{notes:?}");
}

#[test]
fn missing_and_falling_time_stamps_are_filled_in_ascending() {
    let stamps =
        |times: &[Option<f64>]| TimeStamps { times: times.to_vec(), ..TimeStamps::default() };
    let cases: [&[Option<f64>]; 5] = [
        &[Some(0.0), None, Some(0.2), Some(0.3)],
        &[None, None, Some(0.2), Some(0.3)],
        &[Some(0.0), Some(0.1), Some(0.1), Some(0.3)],
        &[Some(0.0), Some(5.0), Some(0.2), Some(0.3)],
        &[Some(f64::NAN), Some(0.1), None, None],
    ];
    for times in cases {
        let (timing, notes) = Timing::new(&stamps(times)).unwrap();
        assert_eq!(timing.times.len(), 4);
        assert!(timing.times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}: {timing:?}");
        assert!(notes[0].contains("of 4 frames are missing or do not increase"), "{notes:?}");
    }
    assert!(Timing::new(&stamps(&[None, None])).is_none());
    assert!(Timing::new(&stamps(&[])).is_none());
}

#[test]
fn without_time_stamps_the_rate_of_the_header_counts() {
    let believed = Some(rate(25, 1));
    let stamps = TimeStamps { times: vec![None; 3], believed, ..TimeStamps::default() };
    let (timing, notes) = Timing::new(&stamps).unwrap();
    assert_eq!((timing.times, timing.rate), (vec![0.0, 0.04, 0.08], believed));
    assert!(notes.is_empty());
}

#[test]
fn a_single_frame_has_a_time() {
    let (timing, notes) = timed(&[0.5], None);
    assert_eq!((timing.times.as_slice(), timing.rate), ([0.5].as_slice(), None));
    assert!(timing.last_duration > 0.0 && notes.is_empty());
}
