use super::*;

/// The clips of a video of known length, as the reference lists them.
fn clips_of(num_frames: usize, length: usize, stride: usize) -> Vec<Range<usize>> {
    let mut clips = Vec::new();
    for start in (0..num_frames).step_by(stride) {
        if start + length >= num_frames {
            clips.push(num_frames.saturating_sub(length)..num_frames);
            break;
        }
        clips.push(start..start + length);
    }
    clips
}

fn drain(schedule: &mut ClipSchedule) -> Vec<Range<usize>> {
    std::iter::from_fn(|| schedule.next_clip()).collect()
}

/// Every video of up to 14 frames, clips of up to 6 and strides of up to 8.
fn each_case(mut check: impl FnMut(usize, usize, usize)) {
    for num_frames in 0..15 {
        for length in 1..7 {
            for stride in 1..9 {
                check(num_frames, length, stride);
            }
        }
    }
}

#[test]
fn the_last_clip_is_moved_back_to_end_with_the_video() {
    assert_eq!(clips_of(11, 4, 3), [0..4, 3..7, 6..10, 7..11]);
    assert_eq!(clips_of(10, 2, 4), [0..2, 4..6, 8..10]);
    assert_eq!(clips_of(3, 5, 1), vec![0..3]);
    assert_eq!(clips_of(4, 2, 4), vec![0..2]);
    let mut schedule = ClipSchedule::new(4, 3).unwrap();
    schedule.push(11);
    assert_eq!(drain(&mut schedule), [0..4, 3..7, 6..10]);
    schedule.end();
    assert_eq!(drain(&mut schedule), vec![7..11]);
    assert_eq!(schedule.first_needed(), 11);
}

#[test]
fn frames_may_arrive_one_by_one_or_all_at_once() {
    each_case(|num_frames, length, stride| {
        for step in [1, 2, 3, num_frames.max(1)] {
            let mut schedule = ClipSchedule::new(length, stride).unwrap();
            let mut found = Vec::new();
            for first in (0..num_frames).step_by(step) {
                schedule.push(step.min(num_frames - first));
                found.extend(drain(&mut schedule));
            }
            schedule.end();
            found.extend(drain(&mut schedule));
            let expected = clips_of(num_frames, length, stride);
            assert_eq!(
                found, expected,
                "{num_frames} frames, {length} by {stride}, {step} at once"
            );
        }
    });
}

#[test]
fn no_clip_holds_a_frame_that_was_done_with_and_none_is_kept_in_vain() {
    each_case(|num_frames, length, stride| {
        let mut schedule = ClipSchedule::new(length, stride).unwrap();
        let what = format!("{num_frames} frames, {length} by {stride}");
        for count in 0..=num_frames {
            // What the video holds from here on, had it any length that is still possible.
            let futures = (count..=count + length + stride).filter_map(|end| {
                let given = clips_of(end, length, stride);
                let regular = |(index, clip): &(usize, &Range<usize>)| {
                    clip.end <= count && **clip == (index * stride..index * stride + length)
                };
                let done = given.iter().enumerate().take_while(regular).count();
                given.into_iter().skip(done).map(|clip| clip.start).min()
            });
            let earliest = futures.min().expect("some longer video has more clips").min(count);
            assert_eq!(schedule.first_needed(), earliest, "{what}, after {count}");
            if count < num_frames {
                schedule.push(1);
                while let Some(clip) = schedule.next_clip() {
                    assert_eq!(clip.end, count + 1, "{what}: a clip comes with its last frame");
                }
            }
        }
    });
}

#[test]
fn a_clip_has_at_least_one_frame() {
    for (length, stride) in [(0, 1), (1, 0)] {
        let message = ClipSchedule::new(length, stride).unwrap_err().to_string();
        assert!(message.contains("at least one frame"), "{message}");
    }
}
