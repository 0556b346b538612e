//! Starts, monitors and restarts the processes of a run on this machine.

mod plan;
mod workers;

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use seqformer_config::Config;
use seqformer_distributed::Meeting;
use seqformer_signals::StopSignals;

use crate::End;
use crate::args::TrainArgs;
use crate::output;
pub(crate) use plan::Plan;
use workers::{Workers, WorkersEnd};

/// Runs the command in as many processes as planned, and returns when all have ended.
pub(crate) fn run(
    args: &TrainArgs,
    plan: &Plan,
    config: &Config,
    signals: &StopSignals,
) -> Result<End> {
    let timeout = Duration::from_secs(args.dist_timeout);
    let (host, port) = meeting_point(args)?;
    let serves = args.machine_rank == 0;
    let meeting = if serves {
        Meeting::serve(port, plan.world_size(), timeout).with_context(|| {
            format!("--dist-url {}: port {port} is not available", args.dist_url)
        })?
    } else {
        let seconds = args.dist_timeout;
        Meeting::connect(&host, port, plan.world_size(), timeout).with_context(|| {
            format!(
                "machine 0 does not answer at {} after {seconds} s; start the same command there with \
                 --machine-rank 0, and check that its port is open",
                args.dist_url
            )
        })?
    };
    signals.count();
    let started = SystemTime::now();
    for attempt in 0.. {
        let resume =
            attempt > 0 && (args.resume || has_newer_checkpoint(&config.output_dir, started));
        let mut workers = Workers::start(plan, &host, meeting.port(), attempt, resume)?;
        match workers.watch(&meeting, timeout, signals) {
            WorkersEnd::Done => {
                meeting.leave(attempt, plan.machines, serves, timeout);
                return Ok(End::Finished);
            }
            WorkersEnd::Stopped => return Ok(End::Stopped),
            WorkersEnd::Failed { reason, details } => {
                meeting.announce_failure(attempt, &reason);
                for line in details {
                    output::note(&line);
                }
                if signals.urgency() > 0 {
                    bail!("{reason}");
                }
                if attempt >= args.max_restarts {
                    bail!(
                        "{reason}{}",
                        if args.max_restarts > 0 { "; no restarts are left" } else { "" }
                    );
                }
                output::note(&format!(
                    "{reason}; restarting ({} of {})",
                    attempt + 1,
                    args.max_restarts
                ));
            }
        }
    }
    Ok(End::Finished)
}

/// Host and port of `--dist-url`; port 0 means any free port.
fn meeting_point(args: &TrainArgs) -> Result<(String, u16)> {
    if args.machine_rank >= args.num_machines {
        bail!(
            "--machine-rank {}: machines are numbered from 0 to {}",
            args.machine_rank,
            args.num_machines - 1
        );
    }
    if args.dist_url == "auto" {
        if args.num_machines > 1 {
            bail!(
                "--dist-url auto is for one machine: give tcp://HOST:PORT with a free port of machine 0"
            );
        }
        return Ok(("127.0.0.1".to_owned(), 0));
    }
    let parts = args.dist_url.strip_prefix("tcp://").and_then(|rest| rest.rsplit_once(':'));
    let parts = parts.and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    match parts {
        Some((host, port)) if !host.is_empty() => Ok((host.to_owned(), port)),
        _ => bail!("--dist-url: expected auto or tcp://HOST:PORT, found {}", args.dist_url),
    }
}

/// Whether the run has written a checkpoint since it started; an older one belongs to another run.
fn has_newer_checkpoint(folder: &Path, started: SystemTime) -> bool {
    let modified =
        std::fs::metadata(folder.join("last_checkpoint")).and_then(|file| file.modified());
    // Clocks of file systems may be coarse.
    modified.is_ok_and(|time| time + Duration::from_millis(20) >= started)
}
