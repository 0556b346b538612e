//! The time of an evaluation, as detectron2 prints it.
//!
//! Reference: detectron2 `evaluation/evaluator.py`, `inference_on_dataset`. Scripts search for these lines.

use std::fmt;
use std::time::Duration;

use crate::console_line::format_timedelta;

/// Number of videos excluded from the times, because caches are cold.
const WARM_UP: usize = 5;

/// The times of a process that evaluated videos or images.
///
/// Prints the two lines of detectron2. As there, the first five videos are excluded, or all but one if there are fewer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InferenceTime {
    total: Duration,
    /// Without writing results.
    compute: Duration,
    videos: usize,
    processes: usize,
}

/// When the computation of a video started, counted from any moment, and how long it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoTime {
    /// When it started.
    pub start: Duration,
    /// Time to compute its results, without writing them.
    pub compute: Duration,
}

impl InferenceTime {
    /// Summarizes the videos of one of `processes` processes, the last of which ended at `end`; `None` without a video.
    pub fn new(videos: &[VideoTime], end: Duration, processes: usize) -> Option<Self> {
        let warm_up = WARM_UP.min(videos.len().checked_sub(1)?);
        let counted = &videos[warm_up..];
        let total = end.saturating_sub(counted.first()?.start);
        let compute = counted.iter().map(|video| video.compute).sum();
        Some(Self { total, compute, videos: counted.len(), processes })
    }
}

impl fmt::Display for InferenceTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { total, compute, videos, processes } = *self;
        let per_video = |time: Duration| time.as_secs_f64() / videos as f64;
        let clock = |time: Duration| format_timedelta(time.as_secs() as i64);
        // As Python prints a time: with microseconds, if there are any.
        let micros = match total.subsec_micros() {
            0 => String::new(),
            micros => format!(".{micros:06}"),
        };
        writeln!(
            formatter,
            "Total inference time: {}{micros} ({:.6} s / iter per device, on {processes} devices)",
            clock(total),
            per_video(total)
        )?;
        write!(
            formatter,
            "Total inference pure compute time: {} ({:.6} s / iter per device, on {processes} devices)",
            clock(compute),
            per_video(compute)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(start_ms: u64, compute_ms: u64) -> VideoTime {
        let ms = Duration::from_millis;
        VideoTime { start: ms(start_ms), compute: ms(compute_ms) }
    }

    #[test]
    fn the_first_five_videos_are_excluded() {
        let mut videos: Vec<VideoTime> = (0..5).map(|index| video(1000 * index, 900)).collect();
        // Two videos from the sixth second on, which end at 3 minutes 7.25 seconds.
        videos.extend([video(6000, 100_000), video(108_000, 80_500)]);
        let time = InferenceTime::new(&videos, Duration::from_millis(187_250), 2).unwrap();
        let expected = "Total inference time: 0:03:01.250000 (90.625000 s / iter per device, on 2 devices)\n\
                        Total inference pure compute time: 0:03:00 (90.250000 s / iter per device, on 2 devices)";
        assert_eq!(time.to_string(), expected);
    }

    #[test]
    fn of_few_videos_the_last_counts_and_of_none_there_is_no_time() {
        let time = InferenceTime::new(&[video(0, 1), video(500, 2000)], Duration::from_secs(3), 1);
        let text = time.unwrap().to_string();
        assert!(text.starts_with("Total inference time: 0:00:02.500000 (2.500000 s"), "{text}");
        assert_eq!(InferenceTime::new(&[], Duration::from_secs(3), 1), None);
    }
}
