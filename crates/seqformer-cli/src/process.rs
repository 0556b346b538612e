//! How both programs start and end: arguments, signals, exit codes.

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
    /// It completed.
    Finished,
    /// It was asked to stop, and stopped in good order.
    Stopped,
}

/// Parses the command line.
///
/// # Errors
///
/// The exit code, if help or the version was requested. Mistakes end the process.
pub fn read_arguments() -> Result<Cli, ExitCode> {
    let words = args::words()
        .unwrap_or_else(|unclear| Cli::command().error(ErrorKind::UnknownArgument, unclear).exit());
    match Cli::try_parse_from(words) {
        Ok(cli) => Ok(cli),
        // Help and the version are results and go to standard output.
        Err(shown) if !shown.use_stderr() => {
            output::print_help(&shown);
            Err(output::check_printed()
                .map_or_else(|error| failure(&error), |()| ExitCode::SUCCESS))
        }
        Err(wrong) => wrong.exit(),
    }
}

/// Takes over the signals that ask the program to stop, before any other thread exists, because threads inherit the
/// blocked signals.
///
/// # Errors
///
/// If the system refuses.
pub fn take_over_signals() -> Result<StopSignals> {
    StopSignals::take_over(seqformer_files::remove_own)
        .context("cannot set up the handling of signals")
}

/// Converts a command's end to the exit code of the process: 128 plus the number of the signal after a stop, so that
/// `seqformer train … && seqformer eval …` stops there. Failing to print results is a failure.
pub fn exit_code(done: Result<End>, signals: &StopSignals) -> ExitCode {
    match done.and_then(|how| output::check_printed().map(|()| how)) {
        Ok(End::Finished) => ExitCode::SUCCESS,
        Ok(End::Stopped) => ExitCode::from(signals.exit_code()),
        Err(error) => failure(&error),
    }
}

/// Prints why the command failed, and returns the exit code.
pub fn failure(error: &Error) -> ExitCode {
    output::error(error);
    ExitCode::FAILURE
}
