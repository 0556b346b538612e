//! How both programs begin and end: arguments, signals, exit codes.

use std::process::ExitCode;

use anyhow::{Context as _, Error, Result};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use seqformer_signals::StopSignals;

use crate::args::{self, Cli};
use crate::output;

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Everything is done.
    Finished,
    /// It was asked to stop, and has stopped in good order.
    Stopped,
}

/// Reads the command line.
///
/// # Errors
///
/// The exit code, if help or the version were asked for. Mistakes end the process.
pub fn read_arguments() -> Result<Cli, ExitCode> {
    let words = args::words()
        .unwrap_or_else(|unclear| Cli::command().error(ErrorKind::UnknownArgument, unclear).exit());
    match Cli::try_parse_from(words) {
        Ok(cli) => Ok(cli),
        // Help and the version are results: they are printed as such.
        Err(shown) if !shown.use_stderr() => {
            output::print_help(&shown);
            Err(output::check_printed()
                .map_or_else(|error| failure(&error), |()| ExitCode::SUCCESS))
        }
        Err(wrong) => wrong.exit(),
    }
}

/// Takes over the signals that ask the program to stop, before any other thread exists: threads that are started later
/// inherit the block.
///
/// # Errors
///
/// If the system refuses it.
pub fn take_over_signals() -> Result<StopSignals> {
    StopSignals::take_over(seqformer_files::remove_own).context("signals cannot be taken over")
}

/// Turns a command's end into the exit code of the process: 128 and the number of the signal after a stop, so that
/// `seqformer train … && seqformer eval …` stops there. Results that could not be printed are a failure.
pub fn exit_code(done: Result<End>, signals: &StopSignals) -> ExitCode {
    match done.and_then(|how| output::check_printed().map(|()| how)) {
        Ok(End::Finished) => ExitCode::SUCCESS,
        Ok(End::Stopped) => ExitCode::from(signals.exit_code()),
        Err(error) => failure(&error),
    }
}

/// Prints why the command failed, and gives the exit code for that.
pub fn failure(error: &Error) -> ExitCode {
    output::error(error);
    ExitCode::FAILURE
}
