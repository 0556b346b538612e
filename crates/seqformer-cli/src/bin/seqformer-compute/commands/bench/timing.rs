//! Times of runs, of their stages and of single frames.

use std::collections::BTreeMap;
use std::time::Instant;

use seqformer_engine::Progress;

/// One run.
#[derive(Debug, Clone, Default)]
pub(super) struct Timed {
    pub(super) secs: f64,
    /// Seconds of each stage.
    pub(super) stages: BTreeMap<&'static str, f64>,
    /// Seconds of each frame.
    pub(super) frames: Vec<f64>,
}

/// Divides the time of a run among its frames as they progress.
///
/// The time of a batch is divided evenly among its frames, and the time for the video as a whole among all frames.
#[derive(Debug)]
pub(super) struct FrameTimes {
    last: Instant,
    encoded: usize,
    frames: Vec<f64>,
    shared: f64,
}

impl FrameTimes {
    pub(super) fn start() -> Self {
        Self::start_at(Instant::now())
    }

    fn start_at(now: Instant) -> Self {
        Self { last: now, encoded: 0, frames: Vec::new(), shared: 0.0 }
    }

    /// Assigns the time since the last step to the frames that progressed.
    pub(super) fn step(&mut self, progress: Progress) {
        self.step_at(Instant::now(), progress);
    }

    fn step_at(&mut self, now: Instant, progress: Progress) {
        let secs = now.duration_since(self.last).as_secs_f64();
        self.last = now;
        match progress {
            Progress::Encoded(done) if done > self.encoded => {
                let each = secs / (done - self.encoded) as f64;
                self.frames.resize(done, 0.0);
                self.frames[self.encoded..].iter_mut().for_each(|frame| *frame += each);
                self.encoded = done;
            }
            Progress::Masks(done) if (1..=self.frames.len()).contains(&done) => {
                self.frames[done - 1] += secs;
            }
            _ => self.shared += secs,
        }
    }

    /// The seconds of each frame; remaining time is divided among all.
    pub(super) fn finish(self) -> Vec<f64> {
        self.finish_at(Instant::now())
    }

    fn finish_at(mut self, now: Instant) -> Vec<f64> {
        self.shared += now.duration_since(self.last).as_secs_f64();
        let each = self.shared / self.frames.len().max(1) as f64;
        self.frames.iter_mut().for_each(|frame| *frame += each);
        self.frames
    }
}

/// The median of some numbers; the lower one of two in the middle.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    quantile(values, 0.5)
}

/// The smallest value that is not below the given share of all values.
pub(super) fn quantile(values: impl IntoIterator<Item = f64>, share: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values = [5.0, 1.0, 3.0, 2.0, 4.0];
        assert_eq!(median(values), 3.0);
        assert_eq!(median([1.0, 2.0]), 1.0);
        assert_eq!(quantile(values, 0.99), 5.0);
        assert_eq!(quantile(values, 0.2), 1.0);
        assert_eq!(median([]), 0.0);
    }

    #[test]
    fn all_of_the_time_is_shared_out_among_the_frames() {
        let start = Instant::now();
        let after = |millis| start + std::time::Duration::from_millis(millis);
        let mut times = FrameTimes::start_at(start);
        for (millis, progress) in [
            (4, Progress::Encoded(2)),
            (7, Progress::Encoded(3)),
            (10, Progress::Decoded),
            (15, Progress::Masks(1)),
            (17, Progress::Masks(2)),
            (20, Progress::Masks(3)),
        ] {
            times.step_at(after(millis), progress);
        }
        let millis = times.finish_at(after(23)).iter().map(|secs| 1e3 * secs).collect::<Vec<_>>();
        // Its part of a batch, its masks, and a third of the 3 ms of decoding and of the 3 ms at the end.
        let expected = [2.0 + 5.0 + 2.0, 2.0 + 2.0 + 2.0, 3.0 + 3.0 + 2.0];
        assert_eq!(millis.len(), 3);
        for (found, expected) in millis.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{millis:?}");
        }
    }
}
