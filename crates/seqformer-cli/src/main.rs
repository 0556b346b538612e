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

use args::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse_from(args::words());
    let keep = match cli.command {
        Command::Train(_) => logging::Keep::All,
        _ => logging::Keep::Nothing,
    };
    logging::start(cli.verbose, keep);
    let done = match cli.command {
        Command::Predict(args) => commands::predict::run(&args),
        Command::Train(args) => commands::train::run(&args),
        Command::Eval(args) => commands::train::run_eval(args),
        Command::Bench(args) => commands::bench::run(&args),
        Command::Synth(args) => commands::synth::run(&args),
        Command::Score(args) => commands::score::run(&args),
        Command::Weights(args) => commands::weights::run(&args),
        Command::Data(args) => commands::data::run(&args),
        Command::Config(args) => commands::config::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "seqformer", &mut script);
            output::print_line(String::from_utf8_lossy(&script).trim_end());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Ends the process without waiting for what it does.
#[expect(
    clippy::exit,
    reason = "the launcher of this process is gone, and nothing is left to be saved"
)]
fn end_now() -> ! {
    std::process::exit(1)
}
