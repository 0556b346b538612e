//! How many threads compute, and what they do while they wait.

use std::num::NonZeroUsize;
use std::sync::Once;
use std::thread::available_parallelism;

use tch::{Device, Kind, Tensor};

/// libtorch's own variable for the number of its threads.
const OMP_VARIABLE: &str = "OMP_NUM_THREADS";
/// Variables by which a user says how threads wait.
const WAIT_VARIABLES: [&str; 2] = ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"];
/// Elements that libtorch gives to one thread at least.
const GRAIN: i64 = 32768;
/// Most threads that are started only to be counted.
const MAX_SLEEPERS: usize = 1024;

/// Sets the threads that compute, and tells how many they are: `asked` for, or what `OMP_NUM_THREADS` says, or
/// one for each core that this process may use. Threads that wait for work leave their core to other programs.
///
/// libtorch counts the cores of the machine; a container or a set of allowed cores may leave fewer. To be called
/// before anything is computed.
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
        ONCE.call_once(|| sleep_instead_of_spinning(chosen.get()));
    }
    chosen
}

/// Makes threads that wait for work sleep after some microseconds instead of milliseconds.
///
/// A thread of libgomp, which shares libtorch's work out, looks for new work about 300,000 times before it sleeps. If
/// another program needs its core meanwhile, the thread that everybody waits for is not run, and a step takes many
/// times as long. A process with more OpenMP threads than there are cores looks only 100 times; its manual says so under
/// `GOMP_SPINCOUNT`. That variable is read before `main`, so there are more threads instead: a few that have worked
/// once and then sleep as long as the process lives.
fn sleep_instead_of_spinning(num_threads: usize) {
    let Some(workers) = num_threads.checked_sub(1).filter(|workers| *workers > 0) else { return };
    let cores = num_cores().unwrap_or(num_threads);
    // Each thread that has shared out work has its own workers; the main thread will have some as well.
    let needed = (cores + 1).div_ceil(workers).saturating_sub(1).max(1);
    if needed * num_threads > MAX_SLEEPERS {
        return;
    }
    for _ in 0..needed {
        let (tell, told) = std::sync::mpsc::channel();
        let sleep = move || {
            let elements = GRAIN * i64::try_from(num_threads).unwrap_or(1);
            drop(Tensor::ones([elements], (Kind::Int8, Device::Cpu)));
            drop(tell);
            loop {
                std::thread::park();
            }
        };
        let thread = std::thread::Builder::new().name("openmp-sleeper".to_owned()).spawn(sleep);
        if thread.is_err() {
            // The system has no more threads: those that there are spin.
            return;
        }
        // What is computed next finds the threads counted.
        let _hung_up: Result<(), _> = told.recv();
    }
}

/// The cores that this process may run on, as libgomp counts them.
fn num_cores() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed:"))?;
    let bits = mask.chars().filter_map(|digit| digit.to_digit(16)).map(u32::count_ones);
    Some(bits.sum::<u32>() as usize)
}

/// The threads that libtorch computes with; others that compute are as many.
pub fn num_threads() -> NonZeroUsize {
    let threads = usize::try_from(tch::get_num_threads()).ok();
    threads.and_then(NonZeroUsize::new).unwrap_or(NonZeroUsize::MIN)
}
