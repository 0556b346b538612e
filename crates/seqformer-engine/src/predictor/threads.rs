//! How many threads compute.

use std::num::NonZeroUsize;
use std::sync::Once;
use std::thread::available_parallelism;

use super::waiting;

/// libtorch's own variable for the number of its threads.
const OMP_VARIABLE: &str = "OMP_NUM_THREADS";
/// Variables by which a user says how threads wait.
const WAIT_VARIABLES: [&str; 2] = ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"];

/// Sets the threads that compute, and tells how many they are: `asked` for, or what `OMP_NUM_THREADS` says, or
/// one for each core that this process may use. Where other programs need the cores, threads that wait for work leave
/// theirs, unless `OMP_WAIT_POLICY` or `GOMP_SPINCOUNT` says how they wait.
///
/// libtorch counts the cores of the machine; a container or a set of allowed cores may leave fewer. To be called
/// before anything is computed, by the thread that computes.
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

/// The threads that libtorch computes with; others that compute are as many.
pub fn num_threads() -> NonZeroUsize {
    let threads = usize::try_from(tch::get_num_threads()).ok();
    threads.and_then(NonZeroUsize::new).unwrap_or(NonZeroUsize::MIN)
}
