//! The processes of one start: spawning, monitoring, and explaining how they ended.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use seqformer_distributed::{LAUNCHED, Meeting, RESUME};
use seqformer_engine::DeviceChoice;
use seqformer_signals::StopSignals;

use super::Plan;
use crate::{args, output};

const POLL: Duration = Duration::from_millis(50);
/// Time for the other processes to report what they saw after one has failed.
const GRACE: Duration = Duration::from_secs(5);
/// Lines of each process's standard error that are kept.
const KEPT_LINES: usize = 20;

/// How the processes ended.
#[derive(Debug)]
pub(super) enum WorkersEnd {
    /// All completed.
    Done,
    /// They were asked to stop and did.
    Stopped,
    /// One failed, and the others were stopped.
    Failed {
        /// The first failure.
        reason: String,
        /// A line for each other process that has something to report.
        details: Vec<String>,
    },
}

/// The processes of this machine.
#[derive(Debug)]
pub(super) struct Workers {
    list: Vec<Worker>,
    attempt: u64,
}

#[derive(Debug)]
struct Worker {
    rank: usize,
    child: Child,
    /// When and how it ended.
    end: Option<(Instant, ExitStatus)>,
    /// It hung and was killed.
    was_killed: bool,
    last_lines: Arc<Mutex<VecDeque<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Workers {
    /// Starts this program again with the same arguments, once per process.
    pub(super) fn start(
        plan: &Plan,
        host: &str,
        port: u16,
        attempt: u64,
        resume: bool,
    ) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let words = args::words().map_err(anyhow::Error::msg)?;
        let mut list = Vec::new();
        for local_rank in 0..plan.per_machine {
            let rank = plan.machine * plan.per_machine + local_rank;
            let mut command = Command::new(&program);
            command.args(words.iter().skip(1));
            // They get the same `argv[0]` as this process, the name of the command.
            if let Some(name) = words.first() {
                command.arg0(name);
            }
            command.env("RANK", rank.to_string()).env("LOCAL_RANK", local_rank.to_string());
            command.env("WORLD_SIZE", plan.world_size().to_string());
            command.env("LOCAL_WORLD_SIZE", plan.per_machine.to_string());
            command.env("MASTER_ADDR", host).env("MASTER_PORT", port.to_string());
            command.env("TORCHELASTIC_USE_AGENT_STORE", "True");
            command.env("TORCHELASTIC_RESTART_COUNT", attempt.to_string()).env(LAUNCHED, "1");
            if resume {
                command.env(RESUME, "1");
            } else {
                command.env_remove(RESUME);
            }
            if std::env::var_os("OMP_NUM_THREADS").is_none() {
                command.env("OMP_NUM_THREADS", threads(plan).to_string());
            }
            command.stdin(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command
                .spawn()
                .with_context(|| format!("{}: cannot start a process", program.display()))?;
            let last_lines = Arc::new(Mutex::new(VecDeque::new()));
            let reader = child.stderr.take().map(|stderr| {
                let lines = Arc::clone(&last_lines);
                let thread = std::thread::Builder::new().name(format!("rank-{rank}"));
                thread.spawn(move || pass_on(stderr, rank, &lines))
            });
            let reader = reader.transpose().context("cannot start a thread")?;
            let end = None;
            list.push(Worker { rank, child, end, was_killed: false, last_lines, reader });
        }
        Ok(Self { list, attempt })
    }

    /// Waits for all processes to end; if one fails, stops the others.
    pub(super) fn watch(
        &mut self,
        meeting: &Meeting,
        timeout: Duration,
        signals: &StopSignals,
    ) -> WorkersEnd {
        let mut failed: Option<(Instant, Option<String>)> = None;
        let mut looked = Instant::now();
        let mut announced = false;
        loop {
            let running = self.look();
            if failed.is_none() && self.list.iter().any(Worker::has_failed) {
                failed = Some((Instant::now(), None));
            }
            if running == 0 {
                break;
            }
            // A signal may have reached only one of the processes, or have ended it before it could stop together with
            // the others.
            let stopped = self.list.iter().find(|worker| worker.is_stopped());
            if let Some(worker) = stopped.filter(|_| !announced) {
                meeting.announce_stopped(self.attempt, worker.rank);
                announced = true;
            }
            let is_asked = signals.urgency() > 0 || stopped.is_some();
            match signals.urgency() {
                2.. => self.kill(),
                _ if is_asked => self.ask_to_stop(),
                _ => {}
            }
            if failed.is_none() && looked.elapsed() > Duration::from_millis(500) {
                looked = Instant::now();
                failed = self.failure_elsewhere(meeting).map(|why| (Instant::now(), Some(why)));
            }
            if failed.as_ref().is_some_and(|(since, _)| since.elapsed() > GRACE.min(timeout)) {
                self.kill();
            }
            std::thread::sleep(POLL);
        }
        for worker in &mut self.list {
            if let Some(reader) = worker.reader.take() {
                // The thread has read all output.
                let _panicked = reader.join();
            }
        }
        match failed {
            _ if signals.urgency() > 1 => WorkersEnd::Stopped,
            None if self.list.iter().any(Worker::is_stopped) => WorkersEnd::Stopped,
            None => WorkersEnd::Done,
            Some((_, elsewhere)) => self.explain(meeting, elsewhere),
        }
    }

    /// Records which processes have ended, and returns how many are running.
    fn look(&mut self) -> usize {
        for worker in self.list.iter_mut().filter(|worker| worker.end.is_none()) {
            if let Ok(Some(status)) = worker.child.try_wait() {
                worker.end = Some((Instant::now(), status));
            }
        }
        self.list.iter().filter(|worker| worker.end.is_none()).count()
    }

    /// Closes their standard input, which they treat as a stop request.
    fn ask_to_stop(&mut self) {
        for worker in &mut self.list {
            worker.child.stdin = None;
        }
    }

    fn kill(&mut self) {
        for worker in self.list.iter_mut().filter(|worker| worker.end.is_none()) {
            worker.was_killed = true;
            // A process that has already ended is noticed by the next look.
            let _gone = worker.child.kill();
        }
    }

    fn failure_elsewhere(&self, meeting: &Meeting) -> Option<String> {
        if !meeting.is_there() {
            return Some("machine 0, which serves the rendezvous, is gone".to_owned());
        }
        let reason = meeting.failure(self.attempt)?;
        Some(format!("on another machine: {reason}"))
    }

    /// Explains who failed first and what each process saw.
    fn explain(&self, meeting: &Meeting, elsewhere: Option<String>) -> WorkersEnd {
        let mut failed: Vec<&Worker> =
            self.list.iter().filter(|worker| worker.has_failed()).collect();
        // A process that was killed, or had to be killed, is the cause of what the others saw.
        failed.sort_by_key(|worker| {
            let (time, status) = worker.end.unwrap_or((Instant::now(), ExitStatus::default()));
            let is_victim = status.signal().is_none() || (worker.was_killed && elsewhere.is_some());
            (is_victim, time)
        });
        let describe = |worker: &&Worker| worker.describe(meeting, self.attempt);
        let mut rest = failed.iter();
        let reason = elsewhere.or_else(|| rest.next().map(describe)).unwrap_or_default();
        // The others have reported themselves.
        let silent = rest.filter(|worker| worker.is_silent());
        WorkersEnd::Failed { reason, details: silent.map(describe).collect() }
    }
}

impl Drop for Workers {
    /// Kills and reaps all processes.
    fn drop(&mut self) {
        self.kill();
        for worker in &mut self.list {
            let _ended = worker.child.wait();
        }
    }
}

impl Worker {
    fn has_failed(&self) -> bool {
        self.end.is_some_and(|(_, status)| !status.success()) && !self.is_stopped()
    }

    /// Whether it ended because it was asked to stop.
    fn is_stopped(&self) -> bool {
        let Some((_, status)) = self.end else { return false };
        status.code().is_some_and(seqformer_signals::is_stop_code)
            || (!self.was_killed && status.signal().is_some_and(seqformer_signals::is_stop_signal))
    }

    /// Whether it could not report why it ended.
    fn is_silent(&self) -> bool {
        self.was_killed || self.end.is_some_and(|(_, status)| status.signal().is_some())
    }

    fn describe(&self, meeting: &Meeting, attempt: u64) -> String {
        let Self { rank, child, .. } = self;
        let report = meeting.report(attempt, *rank);
        let place = report.status.map_or_else(
            || "before it joined the others".to_owned(),
            |status| format!("at {status}, last response {:.1} s ago", status.age().as_secs_f64()),
        );
        let status = self.end.map(|(_, status)| status).unwrap_or_default();
        let id = child.id();
        if self.was_killed {
            return format!("rank {rank} (process {id}) hung {place}; it was killed");
        }
        if let Some(signal) = status.signal() {
            let words = self.last_line().map(|line| format!("; its last output: {line}"));
            return format!(
                "rank {rank} (process {id}) was killed by signal {signal}{} {place}{}",
                signal_name(signal),
                words.unwrap_or_default()
            );
        }
        let words = report.error.or_else(|| self.last_line());
        let words = words.unwrap_or_else(|| format!("it exited with {status}"));
        if words.starts_with("rank ") { words } else { format!("rank {rank}: {words}") }
    }

    fn last_line(&self) -> Option<String> {
        let line = self.last_lines.lock().ok()?.back().cloned()?;
        Some(line.strip_prefix("error: ").map(str::to_owned).unwrap_or(line))
    }
}

/// The names of common signals. A process that the system kills for lack of memory receives the first.
fn signal_name(signal: i32) -> &'static str {
    match signal {
        9 => " (SIGKILL, which the system also sends when memory runs out)",
        11 => " (SIGSEGV)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

/// Forwards the standard error of a process, with its rank in front of each line except for rank 0, and keeps the last
/// lines.
fn pass_on(stderr: ChildStderr, rank: usize, kept: &Mutex<VecDeque<String>>) {
    for line in BufReader::new(stderr).split(b'\n').map_while(std::io::Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        if rank == 0 {
            output::note(&line);
        } else {
            output::note(&format!("rank {rank}: {line}"));
        }
        if let Ok(mut kept) = kept.lock() {
            if kept.len() == KEPT_LINES {
                kept.pop_front();
            }
            kept.push_back(line);
        }
    }
}

/// Threads per process, so that all processes together use all cores of the machine.
fn threads(plan: &Plan) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = (cores / plan.per_machine).max(1);
    // A process with a GPU computes little on the CPU.
    if plan.device == DeviceChoice::Cpu { share } else { share.min(8) }
}
