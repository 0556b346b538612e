//! Warnings and information, on standard error and in the log of a training or an evaluation.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use seqformer_cli::console;
use seqformer_distributed::Placement;
use seqformer_logs::RunLog;

/// Lines that are kept until the log of the run is open.
const MAX_WAITING: usize = 1000;

/// The log of the run, if there is one.
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
    /// Messages go to standard error only.
    Nothing,
    /// Messages are also kept for [`keep_in`].
    All,
}

/// Warnings go to standard error; `-v` adds information, `-vv` details. The log of the run always receives information as
/// well. `RUST_LOG` overrides all levels.
pub(crate) fn start(verbose: u8, keep: Keep) {
    // Messages that concern all processes of a run are printed by the first.
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

/// Writes earlier and later messages to `log`.
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

/// Receives one line at a time.
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
        // The log may itself emit a message.
        if let Some(log) = log {
            log.write_line(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
