//! How libtorch's threads wait for work.
//!
//! A thread of libgomp, which distributes libtorch's work, spins about 300,000 times before it sleeps: a few
//! milliseconds, in which it reacts at once. On a free core that is right, because the time between two operations is
//! shorter than waking a thread. If another program needs the core, it is wrong: the thread that all others wait for
//! does not run, because the others spin, and a training step takes ten times as long.
//!
//! In a process with more OpenMP threads than cores, threads spin only 100 times; libgomp's manual documents this under
//! `GOMP_SPINCOUNT`, which is read before `main`. So a monitor measures how long compute threads wait for a core. If
//! they do, it starts a few more threads, which work once and then sleep; when the cores are free again, it ends them.

mod delays;
mod policy;

use std::num::NonZeroUsize;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::{Duration, Instant};

use tch::{Device, Kind, Tensor};

use delays::Delays;
use policy::Policy;

/// Interval of the monitor.
const WINDOW: Duration = Duration::from_millis(100);
/// Added per monitored thread, so that the monitor costs almost nothing on machines with many.
const WINDOW_PER_THREAD: Duration = Duration::from_millis(1);
/// Minimum number of elements that libtorch gives to one thread.
const GRAIN: i64 = 32768;
/// Maximum number of threads that are started only to be counted.
const MAX_SLEEPERS: usize = 1024;

/// Monitors the calling thread and its future OpenMP threads until the process ends.
///
/// Does nothing if the system does not report how long threads wait for a core.
pub(super) fn watch(num_threads: NonZeroUsize) {
    let Some(workers) = num_threads.get().checked_sub(1).filter(|workers| *workers > 0) else {
        return;
    };
    let cores = num_cores().unwrap_or(num_threads.get());
    // Each thread that distributes work has its own workers; the compute thread already has some.
    let sharers = (cores + 1).div_ceil(workers).saturating_sub(1).max(1);
    if sharers * num_threads.get() > MAX_SLEEPERS {
        return;
    }
    let Some(delays) = Delays::of_this_thread() else { return };
    let run = move || keep_watch(delays, || Sleepers::start(sharers, num_threads));
    let started = Builder::new().name("core-watch".to_owned()).spawn(run);
    if let Err(error) = started {
        tracing::debug!("not monitoring how long threads wait for a core: {error}");
    }
}

fn keep_watch(mut delays: Delays, start: impl Fn() -> Sleepers) {
    let mut policy = Policy::default();
    let mut sleepers = None;
    let mut last = Instant::now();
    loop {
        let count = u32::try_from(delays.num_threads()).unwrap_or(u32::MAX);
        sleep(WINDOW.max(WINDOW_PER_THREAD * count));
        let Some(waited) = delays.since_last() else { return };
        let share = waited.as_secs_f64() / last.elapsed().as_secs_f64();
        last = Instant::now();
        match (policy.next(share), sleepers.is_some()) {
            (true, false) => {
                tracing::debug!(
                    "threads waited for a core for {share:.2} of the time; idle threads now sleep"
                );
                sleepers = Some(start());
            }
            (false, true) => {
                tracing::debug!("the cores are free again; idle threads now spin");
                sleepers = None;
            }
            _ => {}
        }
    }
}

/// OpenMP threads that exist only to be counted; they end when this is dropped.
struct Sleepers(Vec<(Sender<()>, JoinHandle<()>)>);

impl Sleepers {
    /// Starts `count` threads that distribute work among `num_threads`, including themselves.
    fn start(count: usize, num_threads: NonZeroUsize) -> Self {
        let elements = GRAIN * i64::try_from(num_threads.get()).unwrap_or(1);
        let threads = (0..count).map_while(|_| {
            let (end, ended) = channel::<()>();
            let sleep = move || {
                // The result is irrelevant; in a process that is about to end it may fail.
                drop(Tensor::f_ones([elements], (Kind::Int8, Device::Cpu)));
                // Until the other end is dropped.
                let _dropped = ended.recv();
            };
            let thread = Builder::new().name("sleeper".to_owned()).spawn(sleep).ok()?;
            Some((end, thread))
        });
        Self(threads.collect())
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        for (end, thread) in self.0.drain(..) {
            drop(end);
            // A thread that panicked has ended as well.
            let _ended = thread.join();
        }
    }
}

/// The cores that this process may run on, as libgomp counts them.
fn num_cores() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed:"))?;
    let bits = mask.chars().filter_map(|digit| digit.to_digit(16)).map(u32::count_ones);
    Some(bits.sum::<u32>() as usize)
}
