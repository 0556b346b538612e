//! The number of compute threads.

use std::num::NonZeroUsize;
use std::sync::Once;
use std::thread::available_parallelism;

use super::waiting;

/// libtorch's own variable for the number of its threads.
const OMP_VARIABLE: &str = "OMP_NUM_THREADS";
/// Variables with which users control how threads wait.
const WAIT_VARIABLES: [&str; 2] = ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"];

/// Sets the number of compute threads, and returns it: `asked`, or `OMP_NUM_THREADS`, or one per core that this process
/// may use. If other programs need the cores, idle threads sleep, unless `OMP_WAIT_POLICY` or `GOMP_SPINCOUNT` controls
/// how they wait.
///
/// libtorch counts the cores of the machine; a container or an affinity mask may allow fewer. Must be called by the
/// compute thread before anything is computed.
pub fn use_threads(asked: Option<NonZeroUsize>) -> NonZeroUsize {
    let own = num_threads();
    let chosen = match asked {
        Some(asked) => asked,
        None if std::env::var_os(OMP_VARIABLE).is_some() => own,
        None => available_parallelism().map_or(own, |allowed| own.min(allowed)),
    };
    if chosen != own {
        tch::set_num_threads(i32::try_from(chosen.get()).unwrap_or(i32::MAX));
    }
    if WAIT_VARIABLES.iter().all(|name| std::env::var_os(name).is_none()) {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| waiting::watch(chosen));
    }
    chosen
}

/// The number of libtorch's threads, which other compute threads match.
pub fn num_threads() -> NonZeroUsize {
    let threads = usize::try_from(tch::get_num_threads()).ok();
    threads.and_then(NonZeroUsize::new).unwrap_or(NonZeroUsize::MIN)
}
