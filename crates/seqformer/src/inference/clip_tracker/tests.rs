use super::*;

/// A clip of random masks and classes.
fn clip(frames: Range<usize>, num_instances: i64) -> ClipPrediction {
    let on = (Kind::Float, Device::Cpu);
    ClipPrediction {
        class_probs: Tensor::rand([num_instances, 4], on),
        mask_logits: Tensor::randn([num_instances, frames.len() as i64, 3, 5], on) * 4.0 - 3.0,
        frames,
    }
}

/// The masks of instance `instance` on the frames of `clip` that `shared` holds.
fn probs(clip: &ClipPrediction, instance: usize, shared: &Range<usize>) -> Vec<f64> {
    let masks = clip.mask_logits.get(instance as i64).to_kind(Kind::Double).sigmoid();
    let masks = masks.narrow(0, (shared.start - clip.frames.start) as i64, shared.len() as i64);
    Vec::try_from(masks.flatten(0, -1)).unwrap()
}

/// Soft IoU pixel by pixel: of `track` in the clips so far, with an instance of the next clip.
fn similarity_of(
    past: &[(ClipPrediction, Vec<usize>)],
    track: usize,
    next: &ClipPrediction,
    instance: usize,
) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (clip, track_of) in past.iter().rev().take(next.frames.len()) {
        let shared = clip.frames.start.max(next.frames.start)..clip.frames.end.min(next.frames.end);
        let Some(old) = track_of.iter().position(|&other| other == track) else { continue };
        if shared.is_empty() {
            continue;
        }
        let (old, new) = (probs(clip, old, &shared), probs(next, instance, &shared));
        let pairs = || old.iter().zip(&new);
        let intersection: f64 = pairs().map(|(p, q)| p * q).sum();
        let union: f64 = pairs().map(|(p, q)| p + q - p * q).sum();
        sum += intersection / (union + 1e-6);
        count += 1.0;
    }
    sum / (count + 1e-6)
}

/// The greatest weight with which rows can be given different columns, by trying everything.
fn greatest_weight(weights: &[Vec<f64>], free: &mut Vec<usize>) -> f64 {
    let Some((row, rest)) = weights.split_first() else { return 0.0 };
    // A row may also stay alone.
    let mut best = greatest_weight(rest, free);
    for index in 0..free.len() {
        let column = free.swap_remove(index);
        best = best.max(row[column] + greatest_weight(rest, free));
        free.push(column);
        let last = free.len() - 1;
        free.swap(index, last);
    }
    best
}

#[test]
fn similarities_are_sums_over_pixels_and_links_have_the_greatest_weight() {
    tch::manual_seed(3);
    for (length, stride) in [(4, 1), (4, 3), (2, 2), (3, 2)] {
        let mut tracker = ClipTracker::default();
        let mut past: Vec<(ClipPrediction, Vec<usize>)> = Vec::new();
        for index in 0..7 {
            let start = index * stride;
            let next = clip(start..start + length, 3 + (index % 2) as i64);
            let known = tracker.tracks.len();
            let found = tracker.update(&next);
            let columns = found.track_of.len();
            let mut weights = vec![vec![0.0; columns]; known];
            for (track, instance) in
                (0..known).flat_map(|track| (0..columns).map(move |i| (track, i)))
            {
                let expected = similarity_of(&past, track, &next, instance);
                let row = found.candidates.binary_search(&track).ok();
                let similarity =
                    row.map_or(0.0, |row| f64::from(found.similarity[row * columns + instance]));
                assert!((similarity - expected).abs() < 1e-5, "{similarity} instead of {expected}");
                weights[track][instance] = if expected > 0.01 { expected } else { 0.0 };
            }
            let linked = found.track_of.iter().enumerate().filter(|(_, track)| **track < known);
            let weight: f64 = linked.map(|(instance, &track)| weights[track][instance]).sum();
            let best = greatest_weight(&weights, &mut (0..columns).collect());
            assert!((weight - best).abs() < 1e-5, "{weight} instead of {best}");
            let new: Vec<usize> =
                found.track_of.iter().copied().filter(|&track| track >= known).collect();
            assert_eq!(new, (known..found.num_tracks).collect::<Vec<_>>());
            tracker.finish_frames(start + stride);
            past.push((next, found.track_of));
        }
    }
}

#[test]
fn logits_and_classes_are_means_over_the_clips_of_a_frame() {
    let full = |value: f64, frames: i64| {
        Tensor::full([1, frames, 2, 2], value, (Kind::Float, Device::Cpu))
    };
    let of = |frames: Range<usize>, prob: f32, logit: f64| ClipPrediction {
        class_probs: Tensor::from_slice(&[prob, 1.0 - prob]).view([1, 2]),
        mask_logits: full(logit, frames.len() as i64),
        frames,
    };
    let mut tracker = ClipTracker::default();
    for (start, prob, logit) in [(0, 0.25, 1.0), (1, 0.5, 3.0), (2, 0.75, 8.0)] {
        assert_eq!(tracker.update(&of(start..start + 3, prob, logit)).track_of, [0]);
    }
    assert_eq!(tracker.class_probs(), [[0.5, 0.5]]);
    let finished = tracker.finish_frames(6);
    let means: Vec<f64> =
        finished[..5].iter().map(|frame| frame.mask_logits.double_value(&[0, 1, 1])).collect();
    assert_eq!(means, [1.0, 2.0, 4.0, 5.5, 8.0]);
    assert_eq!(
        (finished[5].frame, finished[5].tracks.len(), finished[5].mask_logits.numel()),
        (5, 0, 0)
    );
}

#[test]
fn there_may_be_more_tracks_than_the_reference_can_hold() {
    let mut tracker = ClipTracker::default();
    for index in 0..30 {
        let found = tracker.update(&clip(2 * index..2 * index + 2, 5));
        assert_eq!(
            found.num_tracks,
            5 * (index + 1),
            "clips without common frames are never linked"
        );
        assert!(found.candidates.is_empty());
        tracker.finish_frames(2 * index + 2);
    }
    assert_eq!(tracker.class_probs().len(), 150);
}

#[test]
fn memory_does_not_grow_with_the_video() {
    let numbers = |tracker: &ClipTracker| -> usize {
        let recent =
            tracker.recent.iter().map(|clip| clip.masks.probs.numel() + clip.masks.areas.numel());
        let sums = tracker.frames.values().flat_map(BTreeMap::values).map(|sum| sum.logits.numel());
        recent.sum::<usize>() + sums.sum::<usize>()
    };
    let mut tracker = ClipTracker::default();
    let mut kept = Vec::new();
    for start in 0..60 {
        tracker.update(&clip(start..start + 5, 6));
        let finished = tracker.finish_frames(start + 1);
        assert_eq!(finished.iter().map(|frame| frame.frame).collect::<Vec<_>>(), [start]);
        kept.push(numbers(&tracker));
    }
    // Five clips of 6 × 5 maps and sums of at most 5 * 6 tracks on four frames, of 15 numbers each.
    assert!(kept.iter().all(|&kept| kept <= 5 * (6 * 5 * 15 + 30) + 4 * 30 * 15), "{kept:?}");
}
