//! The times of a video's frames, from their time stamps.
//!
//! The frame rate in a file's header is unreliable: phones write 1,000 frames per second into videos of 30, and
//! recordings with a variable rate have none. Players use time stamps.

use std::fmt;

/// Time stamps are often rounded to milliseconds, at both ends of an interval.
const ROUNDING_SECS: f64 = 1.1e-3;
/// Relative error above which a claimed rate is reported.
const CLAIM_TOLERANCE: f64 = 0.1;
/// Relative deviation within which intervals count as even.
const EVEN_STEP: f64 = 0.25;
/// Fraction of even intervals above which longer ones are gaps.
const MOSTLY_EVEN: f64 = 0.7;
/// The rate of frames without any times.
const DEFAULT_FPS: f64 = 10.0;

/// Frames per second, as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRate {
    /// Number of frames in `denominator` seconds.
    pub numerator: u32,
    /// The seconds.
    pub denominator: u32,
}

impl FrameRate {
    /// The rate as a number.
    pub fn per_second(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }

    /// The closest fraction to `fps`: an integer, a television rate, or thousandths.
    pub(crate) fn nearest(fps: f64) -> Option<Self> {
        if !(1e-3..=1e6).contains(&fps) {
            return None;
        }
        let near = |rate: &Self| (rate.per_second() - fps).abs() <= 2e-4 * fps;
        let whole = fps.round() as u32;
        let candidates = [
            Self { numerator: whole, denominator: 1 },
            Self { numerator: whole * 1000, denominator: 1001 },
        ];
        let thousandths = Self { numerator: (fps * 1000.0).round() as u32, denominator: 1000 };
        Some(
            candidates
                .into_iter()
                .filter(|rate| rate.numerator > 0)
                .find(near)
                .unwrap_or(thousandths),
        )
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.numerator, self.denominator)
    }
}

/// When each frame of a video is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    /// Seconds from the start of the file, ascending, one per frame.
    pub times: Vec<f64>,
    /// How long the last frame is shown, in seconds.
    pub last_duration: f64,
    /// The rate, if frames are evenly spaced.
    pub rate: Option<FrameRate>,
}

/// Time stamps read with the frames.
#[derive(Debug, Clone, Default)]
pub(crate) struct TimeStamps {
    /// One per frame; `None` if the file has no time for it.
    pub(crate) times: Vec<Option<f64>>,
    /// How long the last frame is shown, in seconds.
    pub(crate) last_duration: Option<f64>,
    /// The rate according to the file.
    pub(crate) claimed: Option<FrameRate>,
    /// The rate that is assumed if frames have no times.
    pub(crate) believed: Option<FrameRate>,
}

impl Timing {
    /// Evenly spaced frames.
    pub fn even(rate: FrameRate, num_frames: usize) -> Self {
        let step = 1.0 / rate.per_second();
        let times = (0..num_frames).map(|index| index as f64 * step).collect();
        Self { times, last_duration: step, rate: Some(rate) }
    }

    /// Frames shown at these times, in seconds; `None` without a single time.
    pub fn of_times(times: &[f64]) -> Option<Self> {
        let times = times.iter().copied().map(Some).collect();
        Self::new(&TimeStamps { times, ..TimeStamps::default() }).map(|(timing, _notes)| timing)
    }

    /// Orders and completes `stamps`; `None` without a single time. Also returns notes for the user.
    pub(crate) fn new(stamps: &TimeStamps) -> Option<(Self, Vec<String>)> {
        let num_frames = stamps.times.len();
        let finite = |time: &Option<f64>| time.filter(|time| time.is_finite());
        let known: Vec<Option<f64>> = stamps.times.iter().map(finite).collect();
        if known.iter().all(Option::is_none) {
            let rate = stamps.believed.filter(|_| num_frames > 0)?;
            return Some((Self::even(rate, num_frames), Vec::new()));
        }
        let mut steps = steps_of(known.iter().flatten().copied());
        steps.retain(|step| *step > 0.0);
        let usual = median(&mut steps).or(stamps.last_duration.filter(|&last| last > 0.0));
        let usual = usual.or_else(|| stamps.believed.map(|rate| 1.0 / rate.per_second()));
        let usual = usual.unwrap_or(1.0 / DEFAULT_FPS);
        let mut notes = Vec::new();
        let (times, mended) = completed(&known, usual);
        if mended > 0 {
            notes.push(format!(
                "the time stamps of {mended} of {num_frames} frames are missing or do not increase; they were \
                 interpolated"
            ));
        }
        let rate = even_rate(&times, stamps.believed);
        let last_duration = match (rate, stamps.last_duration) {
            (Some(rate), _) => 1.0 / rate.per_second(),
            (None, Some(last)) if last > 0.0 => last,
            (None, _) => usual,
        };
        let timing = Self { times, last_duration, rate };
        notes.extend(timing.remarks(usual, stamps.claimed));
        Some((timing, notes))
    }

    /// The mean number of frames per second.
    pub fn mean_fps(&self) -> f64 {
        self.rate.map_or_else(|| self.times.len() as f64 / self.seconds(), FrameRate::per_second)
    }

    /// The time of the first frame.
    pub fn start(&self) -> f64 {
        self.times.first().copied().unwrap_or(0.0)
    }

    /// How long frame `index` is shown.
    pub fn duration(&self, index: usize) -> f64 {
        match (self.times.get(index), self.times.get(index + 1)) {
            (Some(now), Some(next)) => next - now,
            _ => self.last_duration,
        }
    }

    /// From the first frame to the end of the last one.
    fn seconds(&self) -> f64 {
        let last = self.times.last().copied().unwrap_or(0.0);
        last - self.start() + self.last_duration
    }

    fn remarks(&self, usual: f64, claimed: Option<FrameRate>) -> Vec<String> {
        let mut notes = Vec::new();
        let steps = steps_of(self.times.iter().copied());
        if steps.is_empty() {
            return notes;
        }
        let usual_fps = 1.0 / usual;
        if let Some(claimed) = claimed.map(FrameRate::per_second)
            && (claimed / usual_fps - 1.0).abs() > CLAIM_TOLERANCE
            && (claimed / self.mean_fps() - 1.0).abs() > CLAIM_TOLERANCE
        {
            notes.push(format!(
                "the file claims {} frames per second, but its time stamps give {}; the time stamps are used",
                decimals(claimed),
                decimals(self.mean_fps())
            ));
        }
        if self.rate.is_some() {
            return notes;
        }
        let is_even = |step: &f64| (step / usual - 1.0).abs() <= EVEN_STEP;
        let num_even = steps.iter().filter(|step| is_even(step)).count();
        let gap = |step: f64| ((step / usual).round() - 1.0).max(0.0) as u64;
        let missing: u64 = steps.iter().map(|&step| gap(step)).sum();
        let first = steps.iter().position(|&step| gap(step) > 0);
        match first {
            Some(first) if num_even as f64 >= MOSTLY_EVEN * steps.len() as f64 => notes.push(format!(
                "{} missing where the time stamps have gaps, first after frame {first} at {} s; the times of all \
                 others are kept",
                if missing == 1 { "1 frame is".to_owned() } else { format!("{missing} frames are") },
                decimals(self.times[first])
            )),
            _ => {
                let shortest = steps.iter().copied().fold(f64::INFINITY, f64::min);
                let longest = steps.iter().copied().fold(0.0, f64::max);
                notes.push(format!(
                    "the frame rate varies, {} to {} ms from frame to frame; the times are kept",
                    decimals(1000.0 * shortest),
                    decimals(1000.0 * longest)
                ));
            }
        }
        notes
    }
}

/// At most two decimals.
fn decimals(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn steps_of(times: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    times.clone().zip(times.skip(1)).map(|(now, next)| next - now).collect()
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Strictly ascending times, and how many were interpolated.
fn completed(times: &[Option<f64>], usual: f64) -> (Vec<f64>, usize) {
    let mut done: Vec<f64> = Vec::with_capacity(times.len());
    let mut mended = 0;
    for (index, time) in times.iter().enumerate() {
        let earliest = done.last().copied();
        let known = time.filter(|&time| earliest.is_none_or(|last| time > last));
        done.push(known.unwrap_or_else(|| {
            mended += 1;
            let Some(earliest) = earliest else {
                // Before the first known one, at the usual interval.
                let next = times.iter().enumerate().find_map(|(at, time)| Some((at, (*time)?)));
                return next.map_or(0.0, |(at, time)| time - (at - index) as f64 * usual);
            };
            // Evenly up to the next later time.
            let later = times.iter().enumerate().skip(index + 1);
            let next = later
                .filter_map(|(at, time)| Some((at, (*time)?)))
                .find(|&(_, time)| time > earliest);
            let step = next.map_or(usual, |(at, time)| (time - earliest) / (at - index + 1) as f64);
            earliest + step.min(usual)
        }));
    }
    (done, mended)
}

/// The rate that explains the time of every frame, up to the rounding of time stamps.
fn even_rate(times: &[f64], believed: Option<FrameRate>) -> Option<FrameRate> {
    let (&first, &last) = (times.first()?, times.last()?);
    let measured = (times.len() > 1).then(|| (times.len() - 1) as f64 / (last - first));
    // A single frame has no interval that could contradict it.
    let candidates = [believed, measured.and_then(FrameRate::nearest)];
    candidates.into_iter().flatten().find(|rate| {
        let step = 1.0 / rate.per_second();
        let in_place = |(index, time): (usize, &f64)| {
            (time - first - index as f64 * step).abs() <= ROUNDING_SECS.min(step / 4.0)
        };
        times.iter().enumerate().all(in_place)
    })
}

#[cfg(test)]
mod tests;
