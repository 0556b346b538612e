//! Several processes do what one does, and what happens when one of them is lost.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use seqformer_checkpoint::{Value, read_tree};
use seqformer_testing::golden_path;
use tempfile::TempDir;

use crate::{command, display, golden, seqformer, text};

/// Differences of losses and weights that the order of sums explains.
const TOLERANCE: f32 = 1e-5;

/// A small synthetic dataset and a folder for runs.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new(videos: &str, size: &str, frames: &str, classes: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let data = display(&folder.path().join("data"));
        let mut words = vec!["synth", "--output", &data, "--videos", videos, "--val-videos", "5"];
        words.extend(["--size", size, "--frames", frames, "--classes", classes, "--seed", "7"]);
        let made = seqformer(&words);
        assert!(made.status.success(), "{}", text(&made.stderr));
        Self { folder }
    }

    fn small() -> Self {
        Self::new("7", "96x64", "3..5", "3")
    }

    /// A training of clips of different sizes, without dropout, whose draws depend on the batch.
    fn train(&self, output: &str, flags: &[&str], pairs: &[&str]) -> Vec<String> {
        let train = display(&self.folder.path().join("data/annotations/train.json"));
        let (config, train) = (golden("tiny_config.yaml"), format!("['{train}']"));
        let output = display(&self.folder.path().join(output));
        let mut words = vec!["train", "--config-file", &config];
        words.extend(flags);
        words.extend(["MODEL.DEVICE", "cpu", "MODEL.SeqFormer.NUM_CLASSES", "3"]);
        words.extend(["MODEL.BACKBONE.FREEZE_AT", "0", "MODEL.SeqFormer.DROPOUT", "0.0"]);
        words.extend(["SEED", "5", "MODEL.WEIGHTS", "", "INPUT.SAMPLING_FRAME_NUM", "2"]);
        words.extend(["INPUT.MIN_SIZE_TRAIN", "(48,64)", "DATASETS.TRAIN", &train]);
        words.extend(["DATASETS.TEST", "()", "SOLVER.IMS_PER_BATCH", "4"]);
        words.extend(["SOLVER.MAX_ITER", "20", "SOLVER.STEPS", "()", "SOLVER.BASE_LR", "1e-5"]);
        words.extend(["SOLVER.CHECKPOINT_PERIOD", "5", "DATALOADER.NUM_WORKERS", "1"]);
        words.extend(["OUTPUT_DIR", &output]);
        words.extend(pairs);
        words.into_iter().map(str::to_owned).collect()
    }

    fn run(&self, output: &str, flags: &[&str], pairs: &[&str]) -> Run {
        let done = run(&self.train(output, flags, pairs), &[]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        self.result(output)
    }

    fn result(&self, output: &str) -> Run {
        let folder = self.folder.path().join(output);
        let metrics = fs::read_to_string(folder.join("metrics.json")).unwrap();
        let losses = metrics.lines().next().map(|line| serde_json::from_str(line).unwrap());
        let tree = read_tree(&folder.join("model_final.pth")).unwrap();
        Run { losses: losses.unwrap(), model: tree.get("model").unwrap().clone() }
    }
}

/// What a training left.
struct Run {
    losses: serde_json::Map<String, serde_json::Value>,
    model: Value,
}

impl Run {
    fn assert_near(&self, other: &Self) {
        for (name, value) in self.losses.iter().filter(|(name, _)| name.contains("loss")) {
            let (a, b) = (value.as_f64().unwrap(), other.losses[name].as_f64().unwrap());
            let tolerance = f64::from(TOLERANCE) * a.abs().max(1.0);
            assert!((a - b).abs() <= tolerance, "{name}: {a} and {b}");
        }
        for (name, value) in self.model.as_dict().unwrap() {
            let name = name.as_str().unwrap();
            let other = other.model.get(name).unwrap().as_tensor().unwrap().to_f32_vec();
            let own = value.as_tensor().unwrap().to_f32_vec();
            let worst = own.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(own.len() == other.len() && worst <= TOLERANCE, "{name}: {worst}");
        }
    }
}

fn start(words: &[String], variables: &[(&str, &str)]) -> Child {
    let mut command = command(&words.iter().map(String::as_str).collect::<Vec<_>>());
    for name in ["RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn run(words: &[String], variables: &[(&str, &str)]) -> Output {
    start(words, variables).wait_with_output().unwrap()
}

/// A port that was free a moment ago.
fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

#[test]
fn two_and_four_processes_train_what_one_trains() {
    let bench = Bench::small();
    let one = bench.run("one", &[], &[]);
    bench.run("two", &["--num-gpus", "2"], &[]).assert_near(&one);
    let four = bench.run("four", &["--num-gpus", "0", "--num-workers-cpu", "4"], &[]);
    four.assert_near(&one);
    // Parts of different sizes, some of which go through the network one clip after the other, and layers that
    // run again for the gradients.
    let pairs = [
        "SOLVER.IMS_PER_BATCH",
        "5",
        "SOLVER.MICRO_BATCH_SIZE",
        "2",
        "SOLVER.ACTIVATION_CHECKPOINTING",
        "('backbone', 'encoder', 'decoder')",
    ];
    let uneven = bench.run("uneven", &["--num-workers-cpu", "2"], &pairs);
    uneven.assert_near(&bench.run("five", &[], &pairs[..2]));
}

#[test]
fn two_machines_and_other_launchers_train_what_two_processes_train() {
    let bench = Bench::small();
    let two = bench.run("two", &["--num-workers-cpu", "2"], &[]);
    let url = format!("tcp://127.0.0.1:{}", free_port());
    let machine = |rank: &str| {
        let flags = ["--num-machines", "2", "--machine-rank", rank, "--dist-url", &url];
        start(&bench.train("machines", &flags, &[]), &[])
    };
    // The order of their starts does not matter.
    let machines = [machine("1"), machine("0")];
    for done in machines.map(|child| child.wait_with_output().unwrap()) {
        assert!(done.status.success(), "{}", text(&done.stderr));
    }
    assert!(bench.result("machines").model == two.model);
    let port = free_port();
    let member = |rank: &str| {
        let variables = [
            ("RANK", rank),
            ("LOCAL_RANK", rank),
            ("WORLD_SIZE", "2"),
            ("MASTER_ADDR", "127.0.0.1"),
            ("MASTER_PORT", &port),
        ];
        start(&bench.train("launched", &[], &[]), &variables)
    };
    for done in [member("0"), member("1")].map(|child| child.wait_with_output().unwrap()) {
        assert!(done.status.success(), "{}", text(&done.stderr));
    }
    assert!(bench.result("launched").model == two.model);
}

/// The processes that belong to `output`, by their ranks.
#[cfg(target_os = "linux")]
fn process_of_rank(output: &Path, rank: usize) -> Option<u32> {
    let rank = format!("RANK={rank}");
    let output = display(output);
    let has = |file: &str, word: &str| {
        fs::read(file)
            .is_ok_and(|bytes| bytes.split(|byte| *byte == 0).any(|part| part == word.as_bytes()))
    };
    let ids = fs::read_dir("/proc").unwrap().flatten();
    let mut ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.find(|id| {
        has(&format!("/proc/{id}/cmdline"), &output) && has(&format!("/proc/{id}/environ"), &rank)
    })
}

#[cfg(target_os = "linux")]
fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
}

/// Starts a training, sends a signal to one of its processes after a checkpoint, and waits for the end.
#[cfg(target_os = "linux")]
fn with_signal(bench: &Bench, output: &str, flags: &[&str], name: &str, rank: usize) -> Output {
    let mut child = start(&bench.train(output, flags, &[]), &[]);
    let folder = bench.folder.path().join(output);
    let end = Instant::now() + Duration::from_mins(2);
    while !folder.join("model_0000004.pth").exists() {
        assert!(Instant::now() < end && child.try_wait().unwrap().is_none(), "no checkpoint");
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(name, process_of_rank(&folder, rank).unwrap());
    child.wait_with_output().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_loses_a_process_starts_again_and_ends_in_the_same_weights() {
    let bench = Bench::small();
    let whole = bench.run("whole", &["--num-workers-cpu", "4"], &[]);
    let flags = ["--num-workers-cpu", "4", "--max-restarts", "1"];
    let done = with_signal(&bench, "lost", &flags, "-KILL", 2);
    let said = text(&done.stderr);
    assert!(done.status.success(), "{said}");
    assert!(said.contains("rank 2 (process ") && said.contains("signal 9"), "{said}");
    assert!(said.contains("restarting (1 of 1)"), "{said}");
    assert!(said.contains("rank 0 of 4, iteration "), "the others say what they saw: {said}");
    assert!(text(&done.stdout).contains("iterations 5 to 20"), "{}", text(&done.stdout));
    assert!(bench.result("lost").model == whole.model);
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_hangs_is_named_and_the_checkpoint_is_whole() {
    let bench = Bench::small();
    let flags = ["--num-workers-cpu", "2", "--dist-timeout", "3"];
    let done = with_signal(&bench, "hangs", &flags, "-STOP", 1);
    let said = text(&done.stderr);
    assert!(!done.status.success());
    assert!(said.contains("rank 1 (process ") && said.contains("hung"), "{said}");
    let last = fs::read_to_string(bench.folder.path().join("hangs/last_checkpoint")).unwrap();
    read_tree(&bench.folder.path().join("hangs").join(last)).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_is_asked_to_stop_goes_on_with_any_number_of_processes() {
    let bench = Bench::small();
    let one = bench.run("one", &[], &[]);
    let mut child = start(&bench.train("asked", &["--num-workers-cpu", "2"], &[]), &[]);
    let folder = bench.folder.path().join("asked");
    let end = Instant::now() + Duration::from_mins(2);
    while !folder.join("model_0000004.pth").exists() {
        assert!(Instant::now() < end && child.try_wait().unwrap().is_none(), "no checkpoint");
        std::thread::sleep(Duration::from_millis(5));
    }
    signal("-TERM", child.id());
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(143), "{}", text(&done.stderr));
    assert!(!folder.join("model_final.pth").exists() && text(&done.stdout).contains("stopped; "));
    let again = bench.run("asked", &["--resume", "--num-workers-cpu", "4"], &[]);
    let weights = |run: &Run| Run { losses: serde_json::Map::new(), model: run.model.clone() };
    weights(&again).assert_near(&one);
}

#[test]
fn results_are_the_same_for_any_number_of_processes() {
    let bench = Bench::new("1", "96x96", "3..9", "6");
    let val = display(&bench.folder.path().join("data/annotations/val.json"));
    let root = golden_path("public").join("../../..");
    let config = display(&root.join("configs/synth_small.yaml"));
    let weights = display(&root.join("models/synth_small/model.safetensors"));
    let evaluate = |output: &str, flags: &[&str]| {
        let folder = display(&bench.folder.path().join(output));
        let names = format!("['{val}']");
        let mut words = vec!["eval", "--config-file", &config, "--device", "cpu"];
        words.extend(flags);
        words.extend(["MODEL.WEIGHTS", &weights, "DATASETS.TEST", &names, "OUTPUT_DIR", &folder]);
        words.extend(["INPUT.MIN_SIZE_TEST", "96"]);
        let done = run(&words.into_iter().map(str::to_owned).collect::<Vec<_>>(), &[]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        // How long it took is all that may differ.
        let printed = text(&done.stdout).replace(&folder, "");
        let printed = printed.lines().filter(|line| !line.starts_with("Total inference "));
        let printed = printed.collect::<Vec<_>>().join("\n");
        (fs::read(Path::new(&folder).join("inference/results.json")).unwrap(), printed)
    };
    let one = evaluate("one", &[]);
    assert!(one.0.len() > 1000 && one.1.contains("(AP)"), "{}", one.1);
    for (output, count) in [("two", "2"), ("three", "3")] {
        assert!(evaluate(output, &["--num-workers-cpu", count]) == one, "{count} processes");
    }
}

#[test]
fn losses_that_are_not_numbers_end_all_processes_alike() {
    let bench = Bench::small();
    let words = bench.train(
        "nan",
        &["--num-workers-cpu", "2"],
        &["SOLVER.BASE_LR", "1e30", "SOLVER.MAX_ITER", "40"],
    );
    let done = run(&words, &[]);
    let said = text(&done.stderr);
    assert!(!done.status.success() && said.contains("20 steps were skipped"), "{said}");
    assert!(said.contains("SOLVER.BASE_LR") && said.contains("video "), "{said}");
}

#[test]
fn processes_that_were_given_different_things_say_so() {
    let bench = Bench::small();
    let port = free_port();
    let member = |rank: &str, lr: &str| {
        let variables = [
            ("RANK", rank),
            ("WORLD_SIZE", "2"),
            ("MASTER_ADDR", "127.0.0.1"),
            ("MASTER_PORT", &port),
        ];
        start(&bench.train("differ", &[], &["SOLVER.BASE_LR", lr]), &variables)
    };
    for done in
        [member("0", "0.01"), member("1", "0.02")].map(|child| child.wait_with_output().unwrap())
    {
        let said = text(&done.stderr);
        assert!(!done.status.success(), "{said}");
        assert!(said.contains("rank 1: ") && said.contains("BASE_LR: 0.01"), "{said}");
    }
    for (flags, expected) in [
        (&["--num-machines", "2"][..], "--dist-url auto is for one machine"),
        (&["--num-machines", "2", "--dist-url", "localhost:1"], "expected auto or tcp://HOST:PORT"),
        (&["--num-machines", "2", "--machine-rank", "2", "--dist-url", "tcp://x:1"], "from 0 to 1"),
    ] {
        let done = run(&bench.train("flags", flags, &[]), &[]);
        let said = text(&done.stderr);
        assert!(!done.status.success() && said.contains(expected), "{said}");
    }
}

#[test]
fn an_evaluation_that_fails_in_one_process_ends_none() {
    let bench = Bench::small();
    let data = bench.folder.path().join("data");
    let val = format!("['{}']", display(&data.join("annotations/val.json")));
    // Every process meets one: all videos have lost a frame.
    for video in fs::read_dir(data.join("val/JPEGImages")).unwrap() {
        let frame = fs::read_dir(video.unwrap().path()).unwrap().next().unwrap().unwrap().path();
        fs::write(frame, "no picture").unwrap();
    }
    let flags = ["--num-gpus", "0", "--num-workers-cpu", "2"];
    let pairs = ["SOLVER.MAX_ITER", "4", "TEST.EVAL_PERIOD", "2", "DATASETS.TEST", &val];
    let done = run(&bench.train("failing", &flags, &pairs), &[]);
    let said = text(&done.stderr);
    assert!(!done.status.success(), "{said}");
    let failed = said.matches("the evaluation failed (the training is unharmed)").count();
    assert_eq!(failed, 2, "{said}");
    assert!(said.contains("training finished"), "{said}");
    assert!(bench.folder.path().join("failing/model_final.pth").is_file(), "{said}");
}

#[test]
fn several_processes_leave_out_the_instances_that_one_leaves_out() {
    let bench = Bench::small();
    let pairs = ["MODEL.SeqFormer.NUM_OBJECT_QUERIES", "1", "SOLVER.MAX_ITER", "2"];
    let one = bench.run("one", &[], &pairs);
    let parts = [&pairs[..], &["SOLVER.MICRO_BATCH_SIZE", "1"]].concat();
    one.assert_near(&bench.run("parts", &[], &parts));
    let done = run(&bench.train("two", &["--num-workers-cpu", "2"], &pairs), &[]);
    let said = text(&done.stderr);
    assert!(done.status.success(), "{said}");
    assert_eq!(said.matches("train no query").count(), 1, "{said}");
    one.assert_near(&bench.result("two"));
}
