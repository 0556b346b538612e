//! `seqformer-compute`: the part of the `seqformer` command that runs the network and links libtorch.
//!
//! The command replaces itself with this program for `predict`, `train`, `eval` and `bench`.

#![forbid(unsafe_code)]

mod commands;
mod compute;
mod environment;
mod launch;
mod logging;
mod process_memory;
mod run_log;

use std::process::ExitCode;

use anyhow::{Result, bail};
use seqformer_cli::args::{self, Command, ComputeCommand};
use seqformer_cli::process::{self, End};
use seqformer_cli::{
    class_names, compute_program, files, output, progress, settings, weights_source,
};
use seqformer_signals::StopSignals;

fn main() -> ExitCode {
    // First of all, because threads inherit the blocked signals from the thread that starts them.
    let signals = match process::take_over_signals() {
        Ok(signals) => signals,
        Err(error) => return process::failure(&error),
    };
    compute_program::be_called_as_the_command();
    if let Err(error) = compute_program::check_command() {
        return process::failure(&error);
    }
    match process::read_arguments() {
        Ok(cli) => process::exit_code(run(cli.command, cli.verbose, &signals), &signals),
        Err(code) => code,
    }
}

fn run(command: Command, verbose: u8, signals: &StopSignals) -> Result<End> {
    let Command::Compute(command) = command else {
        bail!(
            "{} is started by `seqformer` for predict, train, eval and bench: run `seqformer` instead",
            compute_program::NAME
        );
    };
    let keep = match command {
        ComputeCommand::Train(_) | ComputeCommand::Eval(_) => logging::Keep::All,
        _ => logging::Keep::Nothing,
    };
    logging::start(verbose, keep);
    match command {
        ComputeCommand::Predict(args) => commands::predict::run(&args, signals),
        ComputeCommand::Train(args) => commands::train::run(&args, signals),
        ComputeCommand::Eval(args) => commands::train::run_eval(args, signals),
        ComputeCommand::Bench(args) => commands::bench::run(&args).map(|()| End::Finished),
    }
}
