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
    let cli = match Cli::try_parse_from(args::words()) {
        Ok(cli) => cli,
        // Help and the version are results: they are printed as such.
        Err(shown) if !shown.use_stderr() => {
            output::print_help(&shown);
            return exit_code(output::check_printed());
        }
        Err(wrong) => wrong.exit(),
    };
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
    exit_code(done.and_then(|()| output::check_printed()))
}

fn exit_code(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // By the shell's convention: 128 and the number of the signal.
        Err(error) if error.is::<commands::predict::Interrupted>() => {
            output::error(&error);
            ExitCode::from(128 + 2)
        }
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Warnings go to standard error; `-v` adds information, `-vv` details. `RUST_LOG` overrides both.
fn start_logging(verbose: u8) {
    // What concerns all processes of a run is said by the first.
    let is_other_rank =
        seqformer_engine::Placement::from_environment(&|name| std::env::var(name).ok())
            .is_ok_and(|placement| placement.is_some_and(|placement| placement.rank > 0));
    let level = match verbose {
        0 if is_other_rank => "error",
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

/// Ends the process without waiting for what it does.
#[expect(
    clippy::exit,
    reason = "the launcher of this process is gone, and nothing is left to be saved"
)]
fn end_now() -> ! {
    std::process::exit(1)
}
