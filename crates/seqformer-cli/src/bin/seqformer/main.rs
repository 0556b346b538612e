//! The `seqformer` command: video instance segmentation from the command line.
//!
//! It links no tensor library. For commands that need one, the second program replaces this one.

#![forbid(unsafe_code)]

mod commands;

use std::io;
use std::process::ExitCode;

use clap::CommandFactory as _;
use seqformer_cli::args::{self, Cli, Command, ToolCommand};
use seqformer_cli::process::{self, End};
use seqformer_cli::{compute_program, console, output, progress, settings, weights_source};

fn main() -> ExitCode {
    let cli = match process::read_arguments() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match cli.command {
        // Signals are left alone, so that the second program inherits them unchanged.
        Command::Compute(command) => match weights_source::fetch_for(&command) {
            Ok(()) => process::failure(&compute_program::replace_this_process()),
            Err(error) => process::failure(&error),
        },
        Command::Tool(tool) => run(&tool, cli.verbose),
    }
}

fn run(tool: &ToolCommand, verbose: u8) -> ExitCode {
    let signals = match process::take_over_signals() {
        Ok(signals) => signals,
        Err(error) => return process::failure(&error),
    };
    console::start(console::level(verbose), ("off", io::sink));
    let done = match tool {
        ToolCommand::Synth(args) => commands::synth::run(args),
        ToolCommand::Score(args) => commands::score::run(args),
        ToolCommand::Report(args) => commands::report::run(args),
        ToolCommand::Weights(args) => commands::weights::run(args),
        ToolCommand::Models(args) => commands::models::run(args),
        ToolCommand::Init(args) => commands::init::run(args),
        ToolCommand::Data(args) => commands::data::run(args),
        ToolCommand::Results(args) => commands::results::run(args),
        ToolCommand::Config(args) => commands::config::run(args),
        ToolCommand::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "seqformer", &mut script);
            output::print_line(String::from_utf8_lossy(&script).trim_end());
            Ok(())
        }
    };
    process::exit_code(done.map(|()| End::Finished), &signals)
}
