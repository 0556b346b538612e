//! The command and the program that it becomes: what each links, and that one is not to be told from two.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::{display, golden, text};

const COMMAND: &str = env!("CARGO_BIN_EXE_seqformer");

/// The second program's name.
const SECOND: &str = "seqformer-compute";

/// The shared libraries that the system loads for a program before it runs; the program does not run.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn libraries(program: &str) -> String {
    let shown = Command::new(program).env("LD_TRACE_LOADED_OBJECTS", "1").output().unwrap();
    text(&shown.stdout)
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn the_command_loads_no_torch() {
    let found = libraries(COMMAND);
    assert!(found.contains("libc.so"), "these are no libraries: {found}");
    for name in ["torch", "c10", "gomp", "stdc++"] {
        assert!(!found.contains(name), "the command loads {name}: {found}");
    }
    #[cfg(feature = "torch")]
    {
        let found = libraries(env!("CARGO_BIN_EXE_seqformer-compute"));
        assert!(found.contains("libtorch_cpu.so => /"), "the second program: {found}");
    }
}

/// A folder with the command in it, and nothing else.
fn command_alone() -> (TempDir, PathBuf) {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let command = folder.path().join("seqformer");
    // A file that is written could not be started while another test starts a process.
    fs::hard_link(COMMAND, &command).unwrap();
    (folder, command)
}

/// Arguments of `predict` that the command takes.
fn predict_words(input: &str) -> [&str; 6] {
    ["predict", "--config-file", "a.yaml", "--output", "found", input]
}

/// Runs `command` in its own folder.
fn run(command: &Path, words: &[&str]) -> Output {
    Command::new(command).args(words).current_dir(command.parent().unwrap()).output().unwrap()
}

#[test]
fn without_the_second_program_an_error_says_so_and_the_rest_works() {
    let (folder, command) = command_alone();
    let second = display(&folder.path().join(SECOND));
    for words in [&predict_words("a.mp4")[..], &["train", "--config-file", "a.yaml"], &["bench"]] {
        let done = run(&command, words);
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{said}");
        for part in [&second, "found no such file", env!("CARGO_PKG_VERSION"), "cargo install"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    // Mistakes and help need no other program.
    let done = run(&command, &["predict", "--bogus"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains("--bogus"), "{}", text(&done.stderr));
    assert!(run(&command, &["train", "--help"]).status.success());
    let (gt, results) = (golden("eval/gt.json"), golden("eval/results.json"));
    assert!(run(&command, &["score", "--gt", &gt, "--results", &results]).status.success());
}

#[test]
fn a_second_program_that_cannot_be_started_is_named() {
    let (folder, command) = command_alone();
    let second = folder.path().join(SECOND);
    fs::write(&second, "no program").unwrap();
    let done = run(&command, &predict_words("a.mp4"));
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains(&display(&second)) && said.contains("cannot be started"), "{said}");
    assert!(said.contains("Permission denied") && said.contains("cargo install"), "{said}");
}

#[test]
#[cfg(feature = "torch")]
fn a_second_program_of_another_version_does_not_run() {
    let folder = TempDir::new().unwrap();
    let run = |version: &str| {
        let mut second = Command::new(env!("CARGO_BIN_EXE_seqformer-compute"));
        second.env("SEQFORMER_COMMAND_VERSION", version).current_dir(folder.path());
        second.args(predict_words("a.mp4")).output().unwrap()
    };
    let done = run("9.8.7");
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    for part in [SECOND, "found version 9.8.7", env!("CARGO_PKG_VERSION"), "cargo install"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // Of the same version it goes on to what is wrong with the arguments.
    let said = text(&run(env!("CARGO_PKG_VERSION")).stderr);
    assert!(said.contains("a.yaml"), "{said}");
}

/// Stands in for the second program: a shell, which runs the file `predict` with the arguments behind that word.
const STAND_IN: &str = r#"
echo "version $SEQFORMER_COMMAND_VERSION"
echo "process $$"
echo "name $(tr '\0' '\n' </proc/$$/cmdline | head -n 1)"
echo "environment $MINE"
while read -r line; do case $line in SigBlk:* | SigIgn:*) echo "$line" ;; esac; done </proc/$$/status
printf '<%s>\n' "$@"
cat
echo trouble >&2
for last; do :; done
case $last in
  leave) exit 42 ;;
  *) kill -"$last" $$ ;;
esac
"#;

/// Starts `program` as a user does, with the last argument `end`: called `mine`, or by a shell that ignores `SIGHUP`.
/// Gives back the process's id, too.
#[cfg(target_os = "linux")]
fn as_user(program: &Path, end: &str, ignores_hangup: bool) -> (u32, Output) {
    let mut command = Command::new(if ignores_hangup { Path::new("sh") } else { program });
    if ignores_hangup {
        command.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(program);
    } else {
        command.arg0("mine");
    }
    command.args(predict_words("two words")).args(["--device", "cpu", end]);
    command.current_dir(program.parent().unwrap()).env("MINE", "a variable");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"from standard input\n").unwrap();
    (child.id(), child.wait_with_output().unwrap())
}

/// What the stand-in says, without its process, its name and the version that it is told, which come first.
#[cfg(target_os = "linux")]
fn said(done: &Output) -> (Vec<String>, String) {
    let lines: Vec<String> = text(&done.stdout).lines().map(str::to_owned).collect();
    (lines[..3].to_vec(), lines[3..].join("\n"))
}

#[test]
#[cfg(target_os = "linux")]
fn arguments_streams_signals_and_ends_are_those_of_one_program() {
    let (folder, command) = command_alone();
    let second = folder.path().join(SECOND);
    std::os::unix::fs::symlink("/bin/sh", &second).unwrap();
    fs::write(folder.path().join("predict"), STAND_IN).unwrap();
    for (end, code, signal) in [("leave", Some(42), None), ("TERM", None, Some(15))] {
        for ignores_hangup in [false, true] {
            let (_, alone) = as_user(&second, end, ignores_hangup);
            let (process, done) = as_user(&command, end, ignores_hangup);
            assert_eq!((done.status.code(), done.status.signal()), (code, signal));
            assert_eq!(text(&done.stderr), "trouble\n");
            let (own, same) = said(&done);
            assert_eq!(
                same,
                said(&alone).1,
                "masks of signals, environment, arguments and streams"
            );
            for part in ["environment a variable", "SigIgn:", "<two words>", "from standard input"]
            {
                assert!(same.contains(part), "{part}: {same}");
            }
            let name = if ignores_hangup { display(&command) } else { "mine".to_owned() };
            let version = format!("version {}", env!("CARGO_PKG_VERSION"));
            assert_eq!(own, [version, format!("process {process}"), format!("name {name}")]);
        }
    }
}
