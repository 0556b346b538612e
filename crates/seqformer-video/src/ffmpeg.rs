//! The ffmpeg child process, in both directions.
//!
//! A separate thread drains its standard error, so neither side ever waits for the other, and the child is killed and
//! reaped when the process value is dropped.

mod frame_info;
mod location;
mod matroska;
mod probe;
mod reader;
mod sound;
mod writer;

use std::collections::VecDeque;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use crate::error::VideoError;

pub use location::FfmpegLocation;
pub(crate) use location::FfmpegProgram;
pub(crate) use probe::{VideoInfo, probe};
pub(crate) use reader::{MAX_PIXELS, PpmError, VideoReader, read_ppm};
#[cfg(test)]
pub(crate) use sound::sound_codecs;
pub(crate) use sound::{SilentFilm, add_sound};
pub(crate) use writer::VideoWriter;

/// Lines of ffmpeg's output that are kept: the first ones contain the cause, the last ones the outcome.
const KEPT_HEAD: usize = 100;
const KEPT_TAIL: usize = 20;
/// Lines are truncated to this many bytes.
const KEPT_LINE_BYTES: usize = 500;
/// Maximum number of lines in a message.
const MESSAGE_LINES: usize = 3;
const STDERR_THREAD: &str = "ffmpeg-stderr";

/// A running ffmpeg.
#[derive(Debug)]
pub(crate) struct FfmpegProcess {
    child: Child,
    stderr: Option<JoinHandle<Vec<String>>>,
}

impl FfmpegProcess {
    /// Starts `command` with piped streams, and keeps its messages.
    fn spawn(command: &mut Command, stdin: Stdio, stdout: Stdio) -> Result<Self, VideoError> {
        Self::spawn_listening(command, stdin, stdout, Some)
    }

    /// Starts `command` with piped streams. `listen` receives each line of its messages as it comes, and returns what
    /// to keep.
    fn spawn_listening(
        command: &mut Command,
        stdin: Stdio,
        stdout: Stdio,
        listen: impl FnMut(String) -> Option<String> + Send + 'static,
    ) -> Result<Self, VideoError> {
        command.stdin(stdin).stdout(stdout).stderr(Stdio::piped());
        // Ctrl-C is sent to the whole process group of a terminal. If ffmpeg ended with it, that would look like the
        // end of the video; it ends with this process instead, when its pipes close.
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt as _;
            command.process_group(0);
        }
        let child = command.spawn().map_err(|source| VideoError::FfmpegStart {
            ffmpeg: command.get_program().into(),
            source,
        })?;
        // Owned from here on, so that an early return kills the child.
        let mut process = Self { child, stderr: None };
        if let Some(stream) = process.child.stderr.take() {
            let thread = std::thread::Builder::new()
                .name(STDERR_THREAD.to_owned())
                .spawn(move || drain(stream, listen))
                .map_err(|source| VideoError::Thread { name: STDERR_THREAD, source })?;
            process.stderr = Some(thread);
        }
        Ok(process)
    }

    fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for the end, and returns the exit status with the messages on standard error.
    ///
    /// The caller must have dropped its ends of the pipes; otherwise this waits forever.
    fn wait(mut self) -> (Option<ExitStatus>, Vec<String>) {
        let status = self.child.wait().ok();
        let lines = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        (status, lines)
    }
}

impl Drop for FfmpegProcess {
    fn drop(&mut self) {
        // Both fail only if the child has already ended and been reaped, which is the goal.
        if let Err(error) = self.child.kill() {
            tracing::debug!(%error, "ffmpeg had already exited");
        }
        if let Err(error) = self.child.wait() {
            tracing::debug!(%error, "ffmpeg was already reaped");
        }
        if let Some(thread) = self.stderr.take()
            && thread.join().is_err()
        {
            tracing::warn!("the thread that reads ffmpeg's messages panicked");
        }
    }
}

/// A command that is not interactive, prints no banner and reports at `log_level`.
fn command(ffmpeg: &Path, log_level: &str) -> Command {
    let mut command = Command::new(ffmpeg);
    command.args(["-hide_banner", "-nostats", "-loglevel", log_level]);
    // Colour codes would end up in messages.
    command.env("AV_LOG_FORCE_NOCOLOR", "1").env_remove("FFREPORT");
    command
}

/// Sets the number of threads for the decoder or encoder of the next file.
fn add_threads(command: &mut Command, program: &FfmpegProgram) {
    if let Some(threads) = program.threads {
        command.args(["-threads", &threads.to_string()]);
    }
}

/// The input options for the local file at `path`, whatever its name looks like.
fn add_input(command: &mut Command, path: &Path) {
    // A bare name could be taken for an option or a URL, and a playlist must not access the network.
    let mut name = std::ffi::OsString::from("file:");
    name.push(path);
    command.args(["-nostdin", "-protocol_whitelist", "file", "-i"]).arg(name);
}

/// Reads all of ffmpeg's messages, and keeps the first and last lines that `listen` returns.
fn drain(mut stream: ChildStderr, mut listen: impl FnMut(String) -> Option<String>) -> Vec<String> {
    let mut head = Vec::new();
    let mut tail = VecDeque::new();
    let mut line = Vec::new();
    let mut buffer = [0_u8; 4096];
    let mut keep = |line: &mut Vec<u8>| {
        let text = clean(&String::from_utf8_lossy(line));
        line.clear();
        let Some(text) = listen(text).filter(|text| !text.is_empty()) else { return };
        if head.len() < KEPT_HEAD {
            head.push(text);
            return;
        }
        if tail.len() == KEPT_TAIL {
            tail.pop_front();
        }
        tail.push_back(text);
    };
    loop {
        let count = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_broken) => break,
        };
        for &byte in &buffer[..count] {
            match byte {
                b'\n' | b'\r' => keep(&mut line),
                _ if line.len() < KEPT_LINE_BYTES => line.push(byte),
                _ => {}
            }
        }
    }
    keep(&mut line);
    head.extend(tail);
    head
}

/// `[h264 @ 0x556c752a75c0] text` becomes `[h264] text`, because addresses differ between runs.
fn clean(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line.trim_end();
    while let Some(at) = rest.find(" @ 0x") {
        text.push_str(&rest[..at]);
        let address = &rest[at + " @ 0x".len()..];
        rest = address.trim_start_matches(|c: char| c.is_ascii_hexdigit());
    }
    text.push_str(rest);
    text
}

/// The last distinct lines, as one line of text.
fn last_lines(lines: &[String]) -> String {
    let mut chosen: Vec<&str> = Vec::new();
    for line in lines.iter().rev().map(|line| line.trim()) {
        if chosen.len() == MESSAGE_LINES {
            break;
        }
        if !chosen.contains(&line) {
            chosen.push(line);
        }
    }
    chosen.reverse();
    chosen.join("; ")
}

/// The message for an ffmpeg that ended with `status` and printed `lines`.
fn outcome(status: Option<ExitStatus>, lines: &[String]) -> String {
    let text = last_lines(lines);
    if lines.iter().any(|line| line.contains("Unrecognized option 'fps_mode'")) {
        return "ffmpeg is too old: 5.1 or newer is needed".to_owned();
    }
    match (text.is_empty(), status) {
        (false, _) => format!("ffmpeg: {text}"),
        (true, Some(status)) => format!("ffmpeg exited without a message ({status})"),
        (true, None) => "ffmpeg exited without a message".to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
