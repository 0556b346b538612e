//! Where inference spends its time: seconds of each part of the network, for those who ask.
//!
//! The clock belongs to the thread, so that nothing has to be handed through the network and nothing is
//! measured unless [`time_stages`] is running.

use std::cell::Cell;
use std::time::{Duration, Instant};

use tch::{Cuda, Device};

/// A part of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Normalisation, padding and the image network.
    Backbone,
    /// Input projections and encoder layers.
    Encoder,
    /// Decoder layers and the heads of classes and boxes.
    Decoder,
    /// Features and logits of masks.
    Masks,
}

/// The time that each part took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StageTimes {
    /// See [`Stage::Backbone`].
    pub backbone: Duration,
    /// See [`Stage::Encoder`].
    pub encoder: Duration,
    /// See [`Stage::Decoder`].
    pub decoder: Duration,
    /// See [`Stage::Masks`].
    pub masks: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Clock {
    device: Device,
    times: StageTimes,
}

thread_local! {
    static CLOCK: Cell<Option<Clock>> = const { Cell::new(None) };
}

/// Sets the clock on again, also when the work between panics.
struct Resume(Option<Clock>);

impl Drop for Resume {
    fn drop(&mut self) {
        CLOCK.set(self.0);
    }
}

/// Stops the clock, also when the work between panics.
struct Stop;

impl Drop for Stop {
    fn drop(&mut self) {
        CLOCK.set(None);
    }
}

/// Runs `work` and tells how long the parts of the network took on this thread.
///
/// A GPU is waited for at the end of every part, so that its time is counted where it belongs. What runs as one CUDA
/// graph belongs to no part: see [`crate::inference::Launch`].
pub fn time_stages<R>(device: Device, work: impl FnOnce() -> R) -> (R, StageTimes) {
    let stop = Stop;
    CLOCK.set(Some(Clock { device, times: StageTimes::default() }));
    let result = work();
    let times = CLOCK.get().map(|clock| clock.times).unwrap_or_default();
    drop(stop);
    (result, times)
}

/// Runs `work`, whose time belongs to no part.
pub(crate) fn paused<R>(work: impl FnOnce() -> R) -> R {
    let resume = Resume(CLOCK.take());
    let result = work();
    drop(resume);
    result
}

/// Counts the time of `work` as that of `stage`. Parts do not lie within each other.
pub(crate) fn timed<R>(stage: Stage, work: impl FnOnce() -> R) -> R {
    let Some(Clock { device, .. }) = CLOCK.get() else { return work() };
    let start = Instant::now();
    let result = work();
    if let Device::Cuda(index) = device {
        Cuda::synchronize(index as i64);
    }
    let took = start.elapsed();
    if let Some(mut clock) = CLOCK.get() {
        let times = &mut clock.times;
        let sum = match stage {
            Stage::Backbone => &mut times.backbone,
            Stage::Encoder => &mut times.encoder,
            Stage::Decoder => &mut times.decoder,
            Stage::Masks => &mut times.masks,
        };
        *sum += took;
        CLOCK.set(Some(clock));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runs_under_the_clock_is_counted() {
        let pause = || std::thread::sleep(Duration::from_millis(2));
        timed(Stage::Encoder, pause);
        let (result, times) = time_stages(Device::Cpu, || {
            assert!(CLOCK.get().is_some());
            timed(Stage::Masks, pause);
            paused(|| timed(Stage::Decoder, pause));
            timed(Stage::Masks, pause);
            timed(Stage::Backbone, || 7)
        });
        assert_eq!(result, 7);
        assert!(times.masks >= Duration::from_millis(4), "{times:?}");
        assert_eq!((times.encoder, times.decoder), (Duration::ZERO, Duration::ZERO));
        let ((), again) = time_stages(Device::Cpu, || ());
        assert_eq!(again, StageTimes::default());
        assert!(CLOCK.get().is_none());
    }
}
