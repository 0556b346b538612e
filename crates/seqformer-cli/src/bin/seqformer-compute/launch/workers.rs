//! The processes of one start, from their beginning to the words about their end.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use seqformer_engine::{DeviceChoice, LAUNCHED, Meeting, RESUME};
use seqformer_signals::StopSignals;

use super::Plan;
use crate::{args, output};

const POLL: Duration = Duration::from_millis(50);
/// Time for the others to say what they saw, after one has failed.
const GRACE: Duration = Duration::from_secs(5);
/// Lines of a process's standard error that are kept.
const KEPT_LINES: usize = 20;

/// How the processes ended.
#[derive(Debug)]
pub(super) enum WorkersEnd {
    /// All did their work.
    Done,
    /// They were asked to stop, and have.
    Stopped,
    /// One failed, and the others were stopped.
    Failed {
        /// The one that failed first.
        reason: String,
        /// A line for each of the others that have something to say.
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
    /// It did not end when it should have.
    was_killed: bool,
    last_lines: Arc<Mutex<VecDeque<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Workers {
    /// Starts this program again with the same arguments, once for each process.
    pub(super) fn start(
        plan: &Plan,
        host: &str,
        port: u16,
        attempt: u64,
        resume: bool,
    ) -> Result<Self> {
        let program = std::env::current_exe().context("this program cannot be found")?;
        let words = args::words().map_err(anyhow::Error::msg)?;
        let mut list = Vec::new();
        for local_rank in 0..plan.per_machine {
            let rank = plan.machine * plan.per_machine + local_rank;
            let mut command = Command::new(&program);
            command.args(words.iter().skip(1));
            // They are called as this process is, which is by the name of the command.
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
                .with_context(|| format!("{}: a process cannot be started", program.display()))?;
            let last_lines = Arc::new(Mutex::new(VecDeque::new()));
            let reader = child.stderr.take().map(|stderr| {
                let lines = Arc::clone(&last_lines);
                let thread = std::thread::Builder::new().name(format!("rank-{rank}"));
                thread.spawn(move || pass_on(stderr, rank, &lines))
            });
            let reader = reader.transpose().context("the system gives no thread")?;
            let end = None;
            list.push(Worker { rank, child, end, was_killed: false, last_lines, reader });
        }
        Ok(Self { list, attempt })
    }

    /// Waits for their end; when one fails, for that of all, which is made to come.
    pub(super) fn watch(
        &mut self,
        meeting: &Meeting,
        timeout: Duration,
        signals: &StopSignals,
    ) -> WorkersEnd {
        let mut failed: Option<(Instant, Option<String>)> = None;
        let mut looked = Instant::now();
        loop {
            let running = self.look();
            if failed.is_none() && self.list.iter().any(Worker::has_failed) {
                failed = Some((Instant::now(), None));
            }
            if running == 0 {
                break;
            }
            // A signal may have reached one of the processes alone.
            let is_asked = signals.urgency() > 0 || self.list.iter().any(Worker::is_stopped);
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
                // All that it has written is read.
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

    /// Notes who has ended; returns how many have not.
    fn look(&mut self) -> usize {
        for worker in self.list.iter_mut().filter(|worker| worker.end.is_none()) {
            if let Ok(Some(status)) = worker.child.try_wait() {
                worker.end = Some((Instant::now(), status));
            }
        }
        self.list.iter().filter(|worker| worker.end.is_none()).count()
    }

    /// Closes their standard input, which they take as a request.
    fn ask_to_stop(&mut self) {
        for worker in &mut self.list {
            worker.child.stdin = None;
        }
    }

    fn kill(&mut self) {
        for worker in self.list.iter_mut().filter(|worker| worker.end.is_none()) {
            worker.was_killed = true;
            // One that is gone already shows in the next look.
            let _gone = worker.child.kill();
        }
    }

    fn failure_elsewhere(&self, meeting: &Meeting) -> Option<String> {
        if !meeting.is_there() {
            return Some("machine 0, where the processes meet, is gone".to_owned());
        }
        let reason = meeting.failure(self.attempt)?;
        Some(format!("on another machine: {reason}"))
    }

    /// Says who failed first and what each saw.
    fn explain(&self, meeting: &Meeting, elsewhere: Option<String>) -> WorkersEnd {
        let mut failed: Vec<&Worker> =
            self.list.iter().filter(|worker| worker.has_failed()).collect();
        // A process that a signal has ended, or that had to be ended, is the cause of what the others saw.
        failed.sort_by_key(|worker| {
            let (time, status) = worker.end.unwrap_or((Instant::now(), ExitStatus::default()));
            let is_victim = status.signal().is_none() || (worker.was_killed && elsewhere.is_some());
            (is_victim, time)
        });
        let describe = |worker: &&Worker| worker.describe(meeting, self.attempt);
        let mut rest = failed.iter();
        let reason = elsewhere.or_else(|| rest.next().map(describe)).unwrap_or_default();
        // The others have said themselves what they saw.
        let silent = rest.filter(|worker| worker.is_silent());
        WorkersEnd::Failed { reason, details: silent.map(describe).collect() }
    }
}

impl Drop for Workers {
    /// No process outlives its launcher's interest in it.
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

    /// Whether it could not say why it ended.
    fn is_silent(&self) -> bool {
        self.was_killed || self.end.is_some_and(|(_, status)| status.signal().is_some())
    }

    fn describe(&self, meeting: &Meeting, attempt: u64) -> String {
        let Self { rank, child, .. } = self;
        let report = meeting.report(attempt, *rank);
        let place = report.status.map_or_else(
            || "before it met the others".to_owned(),
            |status| format!("at {status}, heard of {:.1} s ago", status.age().as_secs_f64()),
        );
        let status = self.end.map(|(_, status)| status).unwrap_or_default();
        let id = child.id();
        if self.was_killed {
            return format!("rank {rank} (process {id}) did not go on {place}; it was stopped");
        }
        if let Some(signal) = status.signal() {
            let words = self.last_line().map(|line| format!("; its last words: {line}"));
            return format!(
                "rank {rank} (process {id}) was ended by signal {signal}{} {place}{}",
                signal_name(signal),
                words.unwrap_or_default()
            );
        }
        let words = report.error.or_else(|| self.last_line());
        let words = words.unwrap_or_else(|| format!("it ended with {status}"));
        if words.starts_with("rank ") { words } else { format!("rank {rank}: {words}") }
    }

    fn last_line(&self) -> Option<String> {
        let line = self.last_lines.lock().ok()?.back().cloned()?;
        Some(line.strip_prefix("error: ").map(str::to_owned).unwrap_or(line))
    }
}

/// The usual ones; a process that the system ends for want of memory has the first.
fn signal_name(signal: i32) -> &'static str {
    match signal {
        9 => " (SIGKILL; the system does that, too, when there is no memory left)",
        11 => " (SIGSEGV)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

/// Prints what a process says, each line with its rank but for the first process's, and keeps the last lines.
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

/// Threads for each process, so that together they have the cores of the machine.
fn threads(plan: &Plan) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = (cores / plan.per_machine).max(1);
    // Beside a GPU there is little to compute.
    if plan.device == DeviceChoice::Cpu { share } else { share.min(8) }
}
