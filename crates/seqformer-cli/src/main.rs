//! The `seqformer` command: video instance segmentation from the command line.
//!
//! Only this crate parses arguments, prints to standard output and ends the process.

#![forbid(unsafe_code)]

mod args;
mod class_names;
mod commands;
mod compute;
mod files;
mod memory;
mod output;
mod progress;
mod settings;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use tracing_subscriber::EnvFilter;

use args::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse_from(args::words());
    start_logging(cli.verbose);
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

/// Warnings go to standard error; `-v` adds information, `-vv` details. `RUST_LOG` overrides both.
fn start_logging(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .with_target(false)
        .init();
}
