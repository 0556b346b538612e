//! No thread that computes can receive a signal, and how commands end that are asked to stop.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use seqformer_checkpoint::read_tree;
use seqformer_testing::golden_path;
use tempfile::TempDir;

use crate::{command, display, golden, seqformer, text};

/// `SIGHUP`, `SIGINT`, `SIGUSR1`, `SIGUSR2` and `SIGTERM`, with their numbers on Linux.
const STOP_SIGNALS: [(&str, i32); 5] =
    [("HUP", 1), ("INT", 2), ("USR1", 10), ("USR2", 12), ("TERM", 15)];

/// Those that this test does not ignore: programs that it starts inherit that, as under `nohup`, and keep to it.
fn stop_signals() -> Vec<(&'static str, i32)> {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
    let is_ignored = |name: &str, number: i32| name == "HUP" && ignored >> (number - 1) & 1 == 1;
    STOP_SIGNALS.into_iter().filter(|(name, number)| !is_ignored(name, *number)).collect()
}

/// The files of a small dataset with long evaluations, and folders for runs.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let data = display(&folder.path().join("data"));
        let made = seqformer(&[
            "synth",
            "--output",
            &data,
            "--videos",
            "4",
            "--val-videos",
            "6",
            "--size",
            "64x64",
            "--frames",
            "4..6",
            "--classes",
            "3",
            "--seed",
            "7",
        ]);
        assert!(made.status.success(), "{}", text(&made.stderr));
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        display(&self.folder.path().join(name))
    }

    /// Starts a training that would take hours; `flags` choose the number of processes.
    fn train(&self, output: &str, flags: &[&str]) -> Running {
        self.train_with(output, flags, &[])
    }

    /// The same with further `pairs`.
    fn train_with(&self, output: &str, flags: &[&str], pairs: &[&str]) -> Running {
        let config = golden("tiny_config.yaml");
        let data = format!("['{}']", self.path("data/annotations/train.json"));
        let output = self.path(output);
        let mut words = vec!["train", "--config-file", &config];
        words.extend(flags);
        words.extend(["MODEL.DEVICE", "cpu", "MODEL.SeqFormer.NUM_CLASSES", "3"]);
        words.extend(["MODEL.BACKBONE.FREEZE_AT", "0", "MODEL.WEIGHTS", "", "SEED", "5"]);
        words.extend(["INPUT.SAMPLING_FRAME_NUM", "2", "INPUT.MIN_SIZE_TRAIN", "(48,)"]);
        words.extend(["DATASETS.TRAIN", &data, "DATASETS.TEST", "()", "SOLVER.IMS_PER_BATCH"]);
        words.extend(["2", "SOLVER.MAX_ITER", "1000000", "SOLVER.STEPS", "()"]);
        words.extend(["SOLVER.CHECKPOINT_PERIOD", "4", "DATALOADER.NUM_WORKERS", "1"]);
        // A stop that does not come must not fill the disk.
        words.extend(["SOLVER.KEEP_CHECKPOINTS", "3"]);
        words.extend(["OUTPUT_DIR", &output]);
        words.extend(pairs);
        start(&words, &format!("{output}.said"))
    }

    /// Waits until the newest checkpoint of a run is that of `iteration` or a later one.
    fn wait_for_checkpoint(&self, output: &str, iteration: u64) {
        let marker = self.folder.path().join(output).join("last_checkpoint");
        let end = Instant::now() + Duration::from_mins(2);
        let newest = || {
            let name = fs::read_to_string(&marker).ok()?;
            name.strip_prefix("model_")?.strip_suffix(".pth")?.parse::<u64>().ok()
        };
        while newest().is_none_or(|newest| newest < iteration) {
            let said = fs::read_to_string(self.path(&format!("{output}.said")));
            assert!(Instant::now() < end, "no checkpoint: {}", said.unwrap_or_default());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Starts the program; what it says on standard error goes to the file `said`.
fn start(words: &[&str], said: &str) -> Running {
    let program = command(words);
    // Shells start background jobs with SIGINT ignored, and programs inherit that and keep it.
    let mut command = Command::new("env");
    command.arg("--default-signal=INT").arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    for name in ["RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"] {
        command.env_remove(name);
    }
    // More than one thread computes; they do not spin, since many tests run at once.
    command.env("OMP_NUM_THREADS", "2").env("OMP_WAIT_POLICY", "passive").stdout(Stdio::null());
    Running(command.stderr(fs::File::create(said).unwrap()).spawn().unwrap())
}

/// A process that does not outlive its test.
struct Running(Child);

impl Running {
    /// How it ends, which it has to do within two minutes.
    fn end(&mut self) -> ExitStatus {
        let end = Instant::now() + Duration::from_mins(2);
        loop {
            if let Some(status) = self.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "process {} does not end", self.id());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl std::ops::Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl std::ops::DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

fn kill(name: &str, process: u32) {
    let done = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(done.unwrap().success());
}

/// A process and all that it has started of this program.
fn family(process: u32) -> Vec<u32> {
    let mut found = vec![process];
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(status) = fs::read_to_string(format!("/proc/{id}/status")) else { continue };
        let field =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if field("PPid:") == Some(&process.to_string()) && field("Name:") == Some("seqformer") {
            found.push(id);
        }
    }
    found
}

/// The name of a thread and whether it blocks all stop signals, from its folder in `/proc`; nothing if it has ended.
fn thread(folder: &Path) -> Option<(String, bool)> {
    let status = fs::read_to_string(folder.join("status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let is_dead = field("State:")?.starts_with(['X', 'Z']);
    let blocked = u64::from_str_radix(field("SigBlk:")?, 16).ok()?;
    let is_shielded = stop_signals().iter().all(|(_, number)| blocked >> (number - 1) & 1 == 1);
    (!is_dead).then_some((field("Name:")?.to_owned(), is_shielded))
}

/// Looks at every thread of `process` once. Returns the names of those that can receive stop signals, and how many
/// others there are; nothing if the process does not wait for signals yet, or has ended.
fn look(process: u32) -> Option<(Vec<String>, usize)> {
    let (mut receivers, mut others) = (Vec::new(), 0);
    for entry in fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten() {
        let mut found = thread(&entry.path());
        if matches!(found, Some((_, false))) {
            // Of a thread that has just ended the system says that it blocks nothing; it is gone when asked again.
            found = thread(&entry.path());
        }
        match found {
            Some((_, true)) => others += 1,
            Some((name, false)) => receivers.push(name),
            None => {}
        }
    }
    (receivers.contains(&"signals".to_owned()) || others > 0).then_some((receivers, others))
}

/// Looks at `process` and its children of this program until it ends or `secs` are over, and asserts that only the thread `signals` ever
/// receives stop signals in `num_processes` processes, each with several threads.
fn assert_shielded(process: &mut Child, num_processes: usize, secs: f64, said: &str) {
    let start = Instant::now();
    let mut seen = BTreeSet::new();
    let mut has_ended = false;
    while !has_ended && start.elapsed().as_secs_f64() < secs {
        has_ended = process.try_wait().unwrap().is_some();
        for id in family(process.id()) {
            let Some((receivers, others)) = look(id) else { continue };
            // A process that ends takes its threads away one by one; one that begins has no thread but the first.
            assert!(
                receivers.iter().all(|name| name == "signals"),
                "these threads of process {id} can receive stop signals: {receivers:?}"
            );
            if others >= 2 {
                seen.insert(id);
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let said = fs::read_to_string(said).unwrap_or_default();
    assert!(seen.len() >= num_processes, "{} processes were seen computing: {said}", seen.len());
}

#[test]
fn no_thread_of_a_training_can_receive_a_stop_signal() {
    let bench = Bench::new();
    for (output, flags, count) in
        [("one", &["--num-gpus", "1"][..], 1), ("two", &["--num-workers-cpu", "2"], 2)]
    {
        let mut child = bench.train(output, flags);
        bench.wait_for_checkpoint(output, 3);
        assert_shielded(&mut child, count, 1.0, &bench.path(&format!("{output}.said")));
        kill("TERM", child.id());
        assert_eq!(child.end().code(), Some(143));
    }
}

#[test]
fn no_thread_of_an_evaluation_or_a_prediction_can_receive_a_stop_signal() {
    let bench = Bench::new();
    let root = golden_path("public").join("../../..");
    let config = display(&root.join("configs/synth_small.yaml"));
    let weights = display(&root.join("models/synth_small/model.safetensors"));
    let test = format!("['{}']", bench.path("data/annotations/val.json"));
    let (output, said) = (bench.path("eval"), bench.path("eval.said"));
    for (flags, count) in [(&["--num-gpus", "1"][..], 1), (&["--num-workers-cpu", "2"], 2)] {
        let mut words = vec!["eval", "--config-file", &config];
        words.extend(flags);
        words.extend(["MODEL.DEVICE", "cpu", "MODEL.WEIGHTS", &weights]);
        words.extend(["DATASETS.TEST", &test, "OUTPUT_DIR", &output]);
        let mut child = start(&words, &said);
        assert_shielded(&mut child, count, 60.0, &said);
    }
    let videos = fs::read_dir(bench.folder.path().join("data/val/JPEGImages")).unwrap();
    let video = videos.flatten().next().unwrap().path();
    let (output, said) = (bench.path("found"), bench.path("found.said"));
    let (video, mut words) = (display(&video), vec!["predict", "--config-file", &config]);
    words.extend(["--weights", &weights, "--device", "cpu", "--output", &output, &video]);
    let mut child = start(&words, &said);
    assert_shielded(&mut child, 1, 60.0, &said);
    assert!(child.end().success(), "{}", fs::read_to_string(&said).unwrap());
}

#[test]
fn a_training_that_a_signal_stops_says_so_by_its_exit_code_and_leaves_a_checkpoint() {
    let bench = Bench::new();
    for (name, number) in stop_signals() {
        let mut child = bench.train(name, &["--num-gpus", "1"]);
        bench.wait_for_checkpoint(name, 3);
        kill(name, child.id());
        let status = child.end();
        let said = fs::read_to_string(bench.path(&format!("{name}.said"))).unwrap();
        assert_eq!(status.code(), Some(128 + number), "SIG{name}: {said}");
        let folder = bench.folder.path().join(name);
        let last = fs::read_to_string(folder.join("last_checkpoint")).unwrap();
        read_tree(&folder.join(last)).unwrap();
        assert!(!folder.join("model_final.pth").exists());
    }
}

#[test]
fn a_training_that_is_asked_to_stop_does_not_wait_for_its_evaluation() {
    let bench = Bench::new();
    let long = bench.path("long");
    let videos = ["--videos", "1", "--val-videos", "40", "--frames", "36..37", "--size", "96x96"];
    let made = seqformer(&[&["synth", "--output", &long, "--classes", "3"], &videos[..]].concat());
    assert!(made.status.success(), "{}", text(&made.stderr));
    let test = format!("['{long}/annotations/val.json']");
    for (output, flags) in
        [("alone", &["--num-gpus", "1"][..]), ("both", &["--num-workers-cpu", "2"])]
    {
        let pairs = ["DATASETS.TEST", &test, "TEST.EVAL_PERIOD", "1"];
        let mut child = bench.train_with(output, flags, &pairs);
        let output = bench.folder.path().join(output);
        let end = Instant::now() + Duration::from_mins(2);
        while !output.join("inference").exists() {
            assert!(Instant::now() < end, "no evaluation");
            std::thread::sleep(Duration::from_millis(5));
        }
        // The launcher passes a request on to all of its processes.
        kill("TERM", child.id());
        assert_eq!(child.end().code(), Some(143));
        let log = fs::read_to_string(output.join("log.txt")).unwrap();
        assert!(
            log.contains("the evaluation is skipped, because the training was stopped"),
            "{log}"
        );
        assert!(log.contains("stopped; "), "{log}");
    }
}

#[test]
fn one_process_of_several_that_a_signal_stops_stops_all() {
    let bench = Bench::new();
    let mut child = bench.train("one_of_two", &["--num-workers-cpu", "2"]);
    bench.wait_for_checkpoint("one_of_two", 3);
    let workers = family(child.id());
    kill("TERM", *workers.last().unwrap());
    let status = child.end();
    let said = fs::read_to_string(bench.path("one_of_two.said")).unwrap();
    assert!(workers.len() == 3 && status.code() == Some(143), "{status}: {said}");
}

#[test]
fn a_process_that_waits_for_the_others_ends_when_it_is_asked_to_stop() {
    use std::os::unix::process::ExitStatusExt as _;
    let folder = TempDir::new().unwrap();
    let config = golden("tiny_config.yaml");
    let output = display(&folder.path().join("output"));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let words = ["train", "--config-file", &config, "MODEL.DEVICE", "cpu", "OUTPUT_DIR", &output];
    let said = folder.path().join("said");
    let mut command = command(&words);
    // The other one never comes.
    for (name, value) in [("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "2")] {
        command.env(name, value);
    }
    command.env("LOCAL_WORLD_SIZE", "2").env("MASTER_ADDR", "127.0.0.1");
    command.env("MASTER_PORT", port.to_string()).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = Running(command.stderr(fs::File::create(&said).unwrap()).spawn().unwrap());
    let end = Instant::now() + Duration::from_mins(1);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        let said = fs::read_to_string(&said).unwrap_or_default();
        assert!(Instant::now() < end && child.try_wait().unwrap().is_none(), "no table: {said}");
        std::thread::sleep(Duration::from_millis(5));
    }
    kill("TERM", child.id());
    assert_eq!(child.end().signal(), Some(15), "{}", fs::read_to_string(&said).unwrap());
}

#[test]
fn a_hangup_that_was_to_be_ignored_is_ignored() {
    let bench = Bench::new();
    // A shell that ignores SIGHUP starts programs that ignore it, as `nohup` does.
    let mut words = vec![env!("CARGO_BIN_EXE_seqformer").to_owned()];
    let data = format!("['{}']", bench.path("data/annotations/train.json"));
    let output = bench.path("ignored");
    let pairs: [&str; 22] = [
        "MODEL.DEVICE",
        "cpu",
        "MODEL.SeqFormer.NUM_CLASSES",
        "3",
        "MODEL.WEIGHTS",
        "",
        "INPUT.SAMPLING_FRAME_NUM",
        "2",
        "DATASETS.TRAIN",
        &data,
        "DATASETS.TEST",
        "()",
        "SOLVER.MAX_ITER",
        "1000000",
        "SOLVER.STEPS",
        "()",
        "SOLVER.CHECKPOINT_PERIOD",
        "4",
        "SOLVER.KEEP_CHECKPOINTS",
        "3",
        "OUTPUT_DIR",
        &output,
    ];
    words.extend(["train".to_owned(), "--config-file".to_owned(), golden("tiny_config.yaml")]);
    words.extend(pairs.map(str::to_owned));
    words.extend(["SOLVER.IMS_PER_BATCH".to_owned(), "2".to_owned()]);
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' HUP; exec \"$@\"", "sh"])
        .args(&words)
        .env("OMP_NUM_THREADS", "1")
        .stdout(Stdio::null())
        .stderr(fs::File::create(bench.path("ignored.said")).unwrap());
    let mut child = Running(command.spawn().unwrap());
    bench.wait_for_checkpoint("ignored", 3);
    kill("HUP", child.id());
    // It goes on.
    bench.wait_for_checkpoint("ignored", 11);
    kill("INT", child.id());
    assert_eq!(child.end().code(), Some(130));
}

#[test]
fn a_command_without_a_good_order_is_ended_by_the_signal_itself() {
    use std::os::unix::process::ExitStatusExt as _;
    let folder = TempDir::new().unwrap();
    let words = ["bench", "--backbone", "r50", "--frames", "400", "--device", "cpu"];
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let mut child = start(&words, &display(&folder.path().join("said")));
        let end = Instant::now() + Duration::from_mins(1);
        while look(child.id()).is_none_or(|(_, others)| others < 2) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        kill(name, child.id());
        assert_eq!(child.end().signal(), Some(number));
    }
}
