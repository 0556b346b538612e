//! Warnings and information: on standard error, and in the log of a training or an evaluation.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use seqformer_cli::console;
use seqformer_engine::Placement;
use seqformer_logs::RunLog;

/// Lines that are kept until the log of the run is open.
const MAX_WAITING: usize = 1000;

/// The log of the run, as far as there is one.
static RUN_LOG: Mutex<Destination> = Mutex::new(Destination::None);

enum Destination {
    /// This command writes no log.
    None,
    /// The log is not open yet.
    Waiting(Vec<Vec<u8>>),
    Log(Arc<RunLog>),
}

/// Whether a command writes a log of its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// What is said goes to standard error alone.
    Nothing,
    /// What is said is kept for [`keep_in`], too.
    All,
}

/// Warnings go to standard error, and with information to the log of the run; `-v` adds information, `-vv` details.
/// `RUST_LOG` overrides all of these.
pub(crate) fn start(verbose: u8, keep: Keep) {
    // What concerns all processes of a run is said by the first.
    let is_other_rank = Placement::from_environment(&|name| std::env::var(name).ok())
        .is_ok_and(|placement| placement.is_some_and(|placement| placement.rank > 0));
    let level = if verbose == 0 && is_other_rank { "error" } else { console::level(verbose) };
    if keep == Keep::All {
        *destination() = Destination::Waiting(Vec::new());
    }
    let log_level = match keep {
        Keep::All => console::level(verbose.max(1)),
        Keep::Nothing => "off",
    };
    console::start(level, (log_level, || ToRunLog));
}

/// Writes to `log` what was said so far, and what will be said.
pub(crate) fn keep_in(log: &Arc<RunLog>) {
    let before = std::mem::replace(&mut *destination(), Destination::Log(Arc::clone(log)));
    if let Destination::Waiting(lines) = before {
        for line in &lines {
            log.write_line(line);
        }
    }
}

fn destination() -> std::sync::MutexGuard<'static, Destination> {
    RUN_LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gets one line at a time.
struct ToRunLog;

impl Write for ToRunLog {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let log = match &mut *destination() {
            Destination::None => None,
            Destination::Waiting(lines) => {
                if lines.len() < MAX_WAITING {
                    lines.push(line.to_vec());
                }
                None
            }
            Destination::Log(log) => Some(Arc::clone(log)),
        };
        // The log may have something to say itself.
        if let Some(log) = log {
            log.write_line(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
