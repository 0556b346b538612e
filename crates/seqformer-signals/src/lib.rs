//! Keeps stop signals away from threads that compute.
//!
//! The f32 matrix kernels of oneDNN before 3.11.2, which libtorch 2.11 carries, use the stack pointer as a general
//! register on x86 and let it point **into a heap block** while they run (oneDNN issue 4845). The kernel of the
//! operating system writes a handler's frame below the stack pointer, so a signal handler that runs on a computing
//! thread without an alternate stack overwrites whatever lies below that block. The result is a crash or, worse, wrong
//! weights without one.
//!
//! The cure is that no thread that computes ever runs a handler. [`StopSignals::take_over`] blocks the signals that
//! ask a program to stop in the calling thread, so that every thread started later inherits the block, and waits for
//! them on one thread of its own. No handler is installed at all.
//!
//! **If you embed this library** in a program with signal handlers of its own (a Python interpreter, a profiler that
//! samples with `SIGPROF`), call [`block_in_this_thread`] on every thread that predicts or trains, before it first
//! computes, and let another thread receive the signals. Threads of OpenMP and of the autograd engine are started by
//! the first thread that computes and inherit its mask.
//!
//! ```
//! // A thread on which it is safe to compute:
//! std::thread::scope(|scope| {
//!     scope.spawn(|| {
//!         seqformer_signals::block_in_this_thread().unwrap();
//!         // … predict or train here …
//!     });
//! });
//! ```

#![forbid(unsafe_code)]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal, raise};

/// The signals that ask a program to stop. SLURM warns with the last two before a job's time is over.
const STOP_SIGNALS: [Signal; 5] =
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2];

/// Blocks all signals that can be handled in this thread and in the threads that it starts from now on.
///
/// `SIGSEGV`, `SIGBUS`, `SIGILL` and `SIGFPE` stay as they are: they are raised by the thread itself, and Rust handles
/// them on a stack of their own.
///
/// # Errors
///
/// If the operating system refuses to change the signal mask.
pub fn block_in_this_thread() -> io::Result<()> {
    let mut set = SigSet::all();
    for fault in [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGILL, Signal::SIGFPE] {
        set.remove(fault);
    }
    set.thread_block().map_err(io::Error::from)
}

/// Ends this process by `SIGTERM`, whatever its other threads are doing.
///
/// Unlike [`std::process::exit`] this runs no exit handlers and no destructors beside threads that still compute.
pub fn terminate() -> ! {
    end_by(Signal::SIGTERM)
}

/// What a stop signal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Reaction {
    /// It ends the process at once, as if nobody had taken it over.
    End,
    /// It sets the flag; a second `SIGINT` ends the process.
    SetFlag,
    /// It is counted, and nothing else.
    Count,
}

#[derive(Debug)]
struct Shared {
    reaction: AtomicU8,
    stop: Arc<AtomicBool>,
    /// The first signal since the reaction is not to end; 0: none.
    first: AtomicI32,
    /// How urgent the request is: 0 none, 1 stop in good order, 2 stop now.
    urgency: AtomicU8,
    /// How long a stop in good order may take; 0: any time.
    patience_millis: AtomicU64,
}

/// Receives the signals that ask this process to stop, on a thread of its own.
#[derive(Debug, Clone)]
pub struct StopSignals {
    shared: Arc<Shared>,
}

impl StopSignals {
    /// Takes over `SIGINT`, `SIGTERM`, `SIGHUP`, `SIGUSR1` and `SIGUSR2` for the whole process.
    ///
    /// Call it before any other thread exists and before a CUDA library is opened: only threads that are started later
    /// inherit the block. Until another reaction is chosen, a signal ends the process at once, as it would without this
    /// call, after `before_end` has run on the receiving thread. A `SIGHUP` that was ignored at the start, as under
    /// `nohup`, stays ignored. Child processes inherit the block.
    ///
    /// # Errors
    ///
    /// If the operating system refuses to change the signal mask or to start a thread.
    pub fn take_over(before_end: fn()) -> io::Result<Self> {
        let mut set = SigSet::empty();
        for signal in STOP_SIGNALS {
            if signal != Signal::SIGHUP || !is_ignored(signal) {
                set.add(signal);
            }
        }
        set.thread_block().map_err(io::Error::from)?;
        let shared = Arc::new(Shared {
            reaction: AtomicU8::new(Reaction::End as u8),
            stop: Arc::default(),
            first: AtomicI32::new(0),
            urgency: AtomicU8::new(0),
            patience_millis: AtomicU64::new(0),
        });
        let receiver = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("signals".to_owned());
        thread.spawn(move || {
            loop {
                if let Ok(signal) = set.wait() {
                    receiver.receive(signal, before_end);
                }
            }
        })?;
        Ok(Self { shared })
    }

    /// From now on a signal sets the returned flag, and the caller stops in good order. A second `SIGINT` (Ctrl-C
    /// pressed again) ends the process at once, and so does the first signal after `patience`, for a caller that may be
    /// waiting for something else than the flag.
    pub fn stop_in_good_order(&self, patience: Option<Duration>) -> Arc<AtomicBool> {
        let millis = patience.map_or(0, |patience| patience.as_millis() as u64);
        self.shared.patience_millis.store(millis, Ordering::SeqCst);
        self.react(Reaction::SetFlag);
        Arc::clone(&self.shared.stop)
    }

    /// From now on signals are only counted, see [`Self::urgency`].
    pub fn count(&self) {
        self.react(Reaction::Count);
    }

    /// From now on a signal ends the process at once, as in the beginning.
    pub fn end_at_once(&self) {
        self.react(Reaction::End);
    }

    fn react(&self, reaction: Reaction) {
        self.shared.reaction.store(reaction as u8, Ordering::SeqCst);
    }

    /// How urgently this process was asked to stop: 0 not at all, 1 in good order, 2 at once (`SIGINT` came after
    /// another signal).
    pub fn urgency(&self) -> u8 {
        self.shared.urgency.load(Ordering::SeqCst)
    }

    /// The exit code by which shells recognise a program that a signal has stopped: 128 and the number of the first
    /// signal that was received, or of `SIGTERM` if the request came another way.
    pub fn exit_code(&self) -> u8 {
        let first = match self.shared.first.load(Ordering::SeqCst) {
            0 => Signal::SIGTERM as i32,
            first => first,
        };
        128 + first as u8
    }
}

/// Whether `code` is the exit code of a program that stopped because a signal asked it to.
pub fn is_stop_code(code: i32) -> bool {
    STOP_SIGNALS.iter().any(|signal| code == 128 + *signal as i32)
}

/// Whether `number` is one of the signals that ask a program to stop.
pub fn is_stop_signal(number: i32) -> bool {
    STOP_SIGNALS.iter().any(|signal| number == *signal as i32)
}

impl Shared {
    fn receive(&self, signal: Signal, before_end: fn()) {
        let reaction = self.reaction.load(Ordering::SeqCst);
        let is_first =
            self.first.compare_exchange(0, signal as i32, Ordering::SeqCst, Ordering::SeqCst);
        if is_first.is_ok() {
            self.urgency.store(1, Ordering::SeqCst);
        } else if signal == Signal::SIGINT {
            self.urgency.store(2, Ordering::SeqCst);
        }
        self.stop.store(true, Ordering::SeqCst);
        let is_urgent = self.urgency.load(Ordering::SeqCst) == 2;
        let ends =
            reaction == Reaction::End as u8 || (reaction == Reaction::SetFlag as u8 && is_urgent);
        if ends {
            before_end();
            end_by(signal);
        }
        let patience = self.patience_millis.load(Ordering::SeqCst);
        if reaction == Reaction::SetFlag as u8 && is_first.is_ok() && patience > 0 {
            let thread = std::thread::Builder::new().name("patience".to_owned());
            let wait = move || {
                std::thread::sleep(Duration::from_millis(patience));
                before_end();
                end_by(signal)
            };
            // Without a thread for it, the caller has all the time.
            let _none = thread.spawn(wait);
        }
    }
}

/// Ends the process by the default action of `signal`.
fn end_by(signal: Signal) -> ! {
    // A signal that the parent process had set to be ignored does not end anything; the others do. They are sent to this
    // thread: what is sent to the process can be received by the thread that waits for signals, and then ends nothing.
    for signal in [signal, Signal::SIGTERM, Signal::SIGKILL] {
        let mut set = SigSet::empty();
        set.add(signal);
        let _refused = set.thread_unblock();
        let _refused = raise(signal);
    }
    std::process::abort()
}

/// Whether the process was started with `signal` ignored.
///
/// Asked of the kernel's own table, since asking through `sigaction` needs unsafe code.
fn is_ignored(signal: Signal) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal as u32 - 1) & 1 == 1
}
