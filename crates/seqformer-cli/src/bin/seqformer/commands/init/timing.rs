//! A trial of the training in the program that runs the network: what its iterations cost here.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use seqformer_cli::compute_program;
use seqformer_config::DeviceChoice;
use seqformer_files::TemporaryFolder;
use seqformer_init::{Batch, Costs, Gpu};
use serde_json::Value;

use crate::output::note;

/// All trials together end after this time.
const LIMIT: Duration = Duration::from_secs(55);
/// A trial begins no further iteration after this time.
const TRIAL: Duration = Duration::from_secs(15);
/// Iterations that are timed, after a first one.
const RUNS: &str = "8";
/// How often it is looked whether a trial has ended.
const POLL: Duration = Duration::from_millis(50);

/// What trials gave.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Timing {
    /// The costs of an iteration.
    Done(Costs),
    /// Why there are none.
    Not(String),
}

/// How many threads of all programs wanted to run during the last minute, where the system tells it.
pub(super) fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// The time that is left for trials.
#[derive(Debug)]
pub(super) struct Limits {
    end: Instant,
}

impl Limits {
    /// Starts the time.
    pub(super) fn start() -> Self {
        Self { end: Instant::now() + LIMIT }
    }

    /// Times iterations of a training.
    ///
    /// # Errors
    ///
    /// If the training cannot start: its configuration would be of no use.
    pub(super) fn time(&self, config_file: &Path, device: Option<DeviceChoice>) -> Result<Timing> {
        let left = self.end.saturating_duration_since(Instant::now());
        if !compute_program::is_there() {
            return Ok(Timing::Not(format!("{} is not installed", compute_program::NAME)));
        }
        note("timing a few iterations, less than a minute");
        let mut arguments = vec!["bench".to_owned(), "--training".to_owned(), "--json".to_owned()];
        arguments.extend(["-", "--runs", RUNS, "--seconds"].map(str::to_owned));
        arguments.push(TRIAL.min(left).as_secs().to_string());
        if let Some(device) = device {
            arguments.extend(["--device".to_owned(), device.to_string()]);
        }
        // What a trial that is killed leaves behind goes with this folder.
        let scratch = TemporaryFolder::beside(config_file)?;
        let mut command = compute_program::command()?;
        command.args(arguments).arg("--config-file").arg(config_file);
        command.env("TMPDIR", scratch.path());
        run(command, self.end)
    }
}

/// Runs a trial until it ends or the time is over.
fn run(mut command: Command, end: Instant) -> Result<Timing> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("the program for trainings cannot be started")?;
    let outputs = [drain(child.stdout.take())?, drain(child.stderr.take())?];
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= end {
            stop(&mut child);
            let secs = LIMIT.as_secs();
            let why = format!("no trial ended within {secs} s, on a slow or busy machine");
            return Ok(Timing::Not(why));
        }
        std::thread::sleep(POLL);
    };
    let [output, errors] = outputs.map(|thread| thread.join().unwrap_or_default());
    if status.success() {
        let report: Value = serde_json::from_slice(&output)?;
        return costs(&report["training"])
            .map(Timing::Done)
            .ok_or_else(|| anyhow!("the trial of the training reported {report}"));
    }
    if status.code().is_none() {
        return Ok(Timing::Not(format!(
            "the trial was ended by the system ({status}), perhaps for lack of memory"
        )));
    }
    let errors = String::from_utf8_lossy(&errors);
    let last = errors.lines().rev().find_map(|line| line.strip_prefix("error: "));
    Err(anyhow!("the training cannot start: {}", last.unwrap_or(errors.trim())))
}

/// Reads a pipe to its end, so that the child never waits.
fn drain(pipe: Option<impl Read + Send + 'static>) -> std::io::Result<JoinHandle<Vec<u8>>> {
    std::thread::Builder::new().name("trial-output".to_owned()).spawn(move || {
        let mut bytes = Vec::new();
        // What is cut short is no report, and is said to be none.
        let _read = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
        bytes
    })
}

fn stop(child: &mut Child) {
    // It may have ended meanwhile.
    let _gone = child.kill();
    let _status = child.wait();
}

/// Reads the report of `bench --training`.
fn costs(report: &Value) -> Option<Costs> {
    let count = |key: &str| report[key].as_u64().and_then(|count| usize::try_from(count).ok());
    let gpu = |name: &str| {
        Some(Gpu {
            name: name.to_owned(),
            peak_mib: report["peak_gpu_mib"].as_f64()?,
            memory_mib: report["gpu_memory_mib"].as_f64()?,
        })
    };
    Some(Costs {
        batch: Batch { clips: count("clips_per_batch")?, micro: count("micro_batch_size")? },
        seconds: report["seconds_per_iteration"].as_f64()?,
        num_timed: report["seconds"].as_array()?.len().max(1),
        peak_mib: report["peak_rss_mib"].as_f64(),
        gpu: report["gpu"].as_str().and_then(gpu),
    })
}
