//! The time of each stage of inference, on request.
//!
//! The clock is thread-local, so it need not be passed through the network, and nothing is measured unless
//! [`time_stages`] is running.

use std::cell::Cell;
use std::time::{Duration, Instant};

use tch::{Cuda, Device};

/// A stage of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Normalization, padding and backbone.
    Backbone,
    /// Input projections and encoder layers.
    Encoder,
    /// Decoder layers, class and box heads.
    Decoder,
    /// Mask features and mask logits.
    Masks,
}

/// The time of each stage.
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

/// Restarts the clock, even if the work in between panics.
struct Resume(Option<Clock>);

impl Drop for Resume {
    fn drop(&mut self) {
        CLOCK.set(self.0);
    }
}

/// Stops the clock, even if the work in between panics.
struct Stop;

impl Drop for Stop {
    fn drop(&mut self) {
        CLOCK.set(None);
    }
}

/// Runs `work` and measures the stages of the network on this thread.
///
/// A GPU is synchronized at the end of every stage, so that its time is attributed correctly. Work that runs as a
/// single CUDA graph belongs to no stage: see [`crate::inference::Launch`].
pub fn time_stages<R>(device: Device, work: impl FnOnce() -> R) -> (R, StageTimes) {
    let stop = Stop;
    CLOCK.set(Some(Clock { device, times: StageTimes::default() }));
    let result = work();
    let times = CLOCK.get().map(|clock| clock.times).unwrap_or_default();
    drop(stop);
    (result, times)
}

/// Runs `work`, whose time belongs to no stage.
pub(crate) fn paused<R>(work: impl FnOnce() -> R) -> R {
    let resume = Resume(CLOCK.take());
    let result = work();
    drop(resume);
    result
}

/// Adds the time of `work` to `stage`. Stages must not be nested.
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
