//! The `seqformer` command: video instance segmentation from the command line.
//!
//! Only this crate parses arguments, prints to standard output and ends the process.

#![forbid(unsafe_code)]

mod args;
mod class_names;
mod commands;
mod compute;
mod files;
mod launch;
mod logging;
mod memory;
mod output;
mod progress;
mod settings;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use seqformer_signals::StopSignals;

use args::{Cli, Command};

fn main() -> ExitCode {
    // First of all: threads that are started later inherit the block.
    let signals = match StopSignals::take_over(seqformer_files::remove_own) {
        Ok(signals) => signals,
        Err(error) => {
            output::note(&format!("error: signals cannot be taken over: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let cli = match Cli::try_parse_from(args::words()) {
        Ok(cli) => cli,
        // Help and the version are results: they are printed as such.
        Err(shown) if !shown.use_stderr() => {
            output::print_help(&shown);
            return end(output::check_printed().map(|()| End::Finished), &signals);
        }
        Err(wrong) => wrong.exit(),
    };
    let keep = match cli.command {
        Command::Train(_) => logging::Keep::All,
        _ => logging::Keep::Nothing,
    };
    logging::start(cli.verbose, keep);
    let done = match cli.command {
        Command::Train(args) => commands::train::run(&args, &signals),
        Command::Eval(args) => commands::train::run_eval(args, &signals),
        Command::Predict(args) => commands::predict::run(&args, &signals),
        Command::Bench(args) => commands::bench::run(&args).map(|()| End::Finished),
        Command::Synth(args) => commands::synth::run(&args).map(|()| End::Finished),
        Command::Score(args) => commands::score::run(&args).map(|()| End::Finished),
        Command::Weights(args) => commands::weights::run(&args).map(|()| End::Finished),
        Command::Data(args) => commands::data::run(&args).map(|()| End::Finished),
        Command::Config(args) => commands::config::run(&args).map(|()| End::Finished),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "seqformer", &mut script);
            output::print_line(String::from_utf8_lossy(&script).trim_end());
            Ok(End::Finished)
        }
    };
    end(done.and_then(|how| output::check_printed().map(|()| how)), &signals)
}

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything is done.
    Finished,
    /// It was asked to stop, and has stopped in good order.
    Stopped,
}

/// Turns a command's end into the exit code of the process: 128 and the number of the signal after a stop, so that
/// `seqformer train … && seqformer eval …` stops there.
fn end(done: anyhow::Result<End>, signals: &StopSignals) -> ExitCode {
    match done {
        Ok(End::Finished) => ExitCode::SUCCESS,
        Ok(End::Stopped) => ExitCode::from(signals.exit_code()),
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}
