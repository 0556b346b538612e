//! `seqformer synth`, `train` and `eval`, and what happens when they are killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use seqformer_checkpoint::{Value, read_tree};
use tempfile::TempDir;

use crate::{display, golden, seqformer, text};

/// A small synthetic dataset and a folder for runs.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let data = display(&folder.path().join("data"));
        let made = seqformer(&[
            "synth",
            "--output",
            &data,
            "--videos",
            "5",
            "--val-videos",
            "3",
            "--size",
            "64x64",
            "--frames",
            "3..4",
            "--classes",
            "3",
            "--seed",
            "7",
        ]);
        assert!(made.status.success(), "{}", text(&made.stderr));
        Self { folder }
    }

    pub(crate) fn output(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The arguments of `train` or `eval`; `more` are flags in front of the pairs, then pairs.
    fn arguments(
        &self,
        command: &str,
        output: &str,
        flags: &[&str],
        pairs: &[&str],
    ) -> Vec<String> {
        let json = |split: &str| {
            display(&self.folder.path().join(format!("data/annotations/{split}.json")))
        };
        let output = display(&self.output(output));
        let config = golden("tiny_config.yaml");
        let mut arguments = vec![command, "--config-file", &config, "--device", "cpu"];
        arguments.extend(flags);
        let (train, val) = (json("train"), json("val"));
        let (train, val) = (format!("['{train}']"), format!("['{val}']"));
        arguments.extend(["MODEL.SeqFormer.NUM_CLASSES", "3", "MODEL.BACKBONE.FREEZE_AT", "0"]);
        arguments.extend(["MODEL.SeqFormer.DROPOUT", "0.1", "SEED", "5", "MODEL.WEIGHTS", ""]);
        arguments.extend(["INPUT.SAMPLING_FRAME_NUM", "2", "INPUT.MIN_SIZE_TRAIN", "(48,64)"]);
        arguments.extend(["DATASETS.TRAIN", &train, "DATASETS.TEST", &val]);
        arguments.extend([
            "SOLVER.IMS_PER_BATCH",
            "2",
            "SOLVER.MAX_ITER",
            "8",
            "SOLVER.STEPS",
            "(6,)",
        ]);
        arguments.extend(["SOLVER.CHECKPOINT_PERIOD", "2", "DATALOADER.NUM_WORKERS", "1"]);
        arguments.extend(["OUTPUT_DIR", &output]);
        arguments.extend(pairs);
        arguments.into_iter().map(str::to_owned).collect()
    }

    pub(crate) fn run(
        &self,
        command: &str,
        output: &str,
        flags: &[&str],
        pairs: &[&str],
    ) -> Output {
        let arguments = self.arguments(command, output, flags, pairs);
        seqformer(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn start(&self, command: &str, output: &str, flags: &[&str], pairs: &[&str]) -> Child {
        let arguments = self.arguments(command, output, flags, pairs);
        crate::command(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.said(output)).unwrap())
            .spawn()
            .unwrap()
    }

    /// What a run that was started says on standard error.
    fn said(&self, output: &str) -> PathBuf {
        self.output(output).with_extension("stderr")
    }

    pub(crate) fn checkpoint(&self, output: &str, name: &str) -> Value {
        read_tree(&self.output(output).join(name)).unwrap()
    }
}

/// The weights and the optimizer of a checkpoint, bit by bit.
pub(crate) fn weights_and_optimizer(tree: &Value) -> [Value; 2] {
    let model = tree.get("model").unwrap().clone();
    let trainer = tree.get("trainer").unwrap().get("_trainer").unwrap().get("optimizer").unwrap();
    [model, trainer.clone()]
}

/// Waits until `path` is there, for at most a minute.
fn wait_for(path: &Path) {
    let end = Instant::now() + Duration::from_mins(1);
    while !path.exists() {
        assert!(Instant::now() < end, "{} does not appear", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_run_that_is_killed_again_and_again_ends_in_the_same_weights() {
    let bench = Bench::new();
    let done = bench.run("train", "whole", &[], &[]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let expected = weights_and_optimizer(&bench.checkpoint("whole", "model_final.pth"));
    // Delays from the start of the process on, by a fixed sequence: some hit its beginning, some a step,
    // some the writing of a checkpoint.
    let mut state = 12_345_u64;
    for _ in 0..20 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let delay = Duration::from_millis(20 + (state >> 33) % 700);
        let mut child = bench.start("train", "killed", &["--resume"], &[]);
        std::thread::sleep(delay);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let done = bench.run("train", "killed", &["--resume"], &[]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let found = weights_and_optimizer(&bench.checkpoint("killed", "model_final.pth"));
    assert!(found == expected, "a run that was killed and resumed ends in other weights");
    let left = fs::read_dir(bench.output("killed")).unwrap();
    let checkpoints = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("model_")
    });
    assert_eq!(checkpoints.count(), 6, "four periodic checkpoints, the final one and the best");
}

#[test]
fn the_number_of_loader_threads_changes_nothing() {
    let bench = Bench::new();
    let train = |name: &str, workers: &str| {
        let done = bench.run(
            "train",
            name,
            &[],
            &["DATALOADER.NUM_WORKERS", workers, "DATASETS.TEST", "()"],
        );
        assert!(done.status.success(), "{}", text(&done.stderr));
        let metrics = fs::read_to_string(bench.output(name).join("metrics.json")).unwrap();
        assert!(metrics.contains("\"loss_ce\""), "{metrics}");
        weights_and_optimizer(&bench.checkpoint(name, "model_final.pth"))
    };
    let expected = train("none", "0");
    assert!(train("one", "1") == expected && train("four", "4") == expected);
}

#[test]
fn clips_may_go_through_the_network_one_by_one() {
    let bench = Bench::new();
    let train = |name: &str, at_once: &str| {
        let pairs =
            ["SOLVER.MICRO_BATCH_SIZE", at_once, "SOLVER.MAX_ITER", "1", "DATASETS.TEST", "()"];
        // One size, so that padding is the same, and no dropout, whose draws depend on the batch.
        let more = [
            "INPUT.MIN_SIZE_TRAIN",
            "(64,)",
            "MODEL.SeqFormer.DROPOUT",
            "0.0",
            "SOLVER.STEPS",
            "()",
        ];
        let done = bench.run("train", name, &[], &[&pairs[..], &more[..]].concat());
        assert!(done.status.success(), "{}", text(&done.stderr));
        let line = fs::read_to_string(bench.output(name).join("metrics.json")).unwrap();
        let record: serde_json::Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
        record["optimized_loss"].as_f64().unwrap()
    };
    let (whole, single) = (train("whole", "0"), train("single", "1"));
    assert!((whole - single).abs() < 1e-4 * whole, "{whole} and {single}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_is_asked_to_stop_writes_a_checkpoint_first() {
    let bench = Bench::new();
    let mut child = bench.start("train", "asked", &[], &["SOLVER.MAX_ITER", "100000"]);
    wait_for(&bench.output("asked").join("model_0000001.pth"));
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let status = child.wait().unwrap();
    let said = fs::read_to_string(bench.said("asked")).unwrap();
    assert!(asked.success() && status.code() == Some(143), "{status}: {said}");
    let last = fs::read_to_string(bench.output("asked").join("last_checkpoint")).unwrap();
    let tree = bench.checkpoint("asked", &last);
    assert!(tree.get("iteration").unwrap().as_i64().unwrap() >= 1);
}

#[test]
fn two_runs_do_not_share_a_folder() {
    let bench = Bench::new();
    let mut first = bench.start("train", "shared", &[], &["SOLVER.MAX_ITER", "100000"]);
    wait_for(&bench.output("shared").join("config.yaml"));
    let second = bench.run("train", "shared", &[], &[]);
    let message = text(&second.stderr);
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(
        !second.status.success() && message.contains("another run is writing here"),
        "{message}"
    );
}

#[test]
fn an_evaluation_that_is_killed_goes_on_to_the_same_results() {
    let bench = Bench::new();
    let done = bench.run(
        "train",
        "model",
        &[],
        &["SOLVER.MAX_ITER", "2", "DATASETS.TEST", "()", "SOLVER.STEPS", "()"],
    );
    assert!(done.status.success(), "{}", text(&done.stderr));
    let weights = display(&bench.output("model").join("model_final.pth"));
    let pairs = ["MODEL.WEIGHTS", weights.as_str()];
    let whole = bench.run("eval", "whole", &[], &pairs);
    assert!(
        whole.status.success() && text(&whole.stdout).contains("Average Precision"),
        "{}",
        text(&whole.stderr)
    );
    let mut child = bench.start("eval", "killed", &[], &pairs);
    wait_for(&bench.output("killed").join("inference"));
    std::thread::sleep(Duration::from_millis(60));
    child.kill().unwrap();
    child.wait().unwrap();
    let again = bench.run("eval", "killed", &[], &pairs);
    assert!(again.status.success(), "{}", text(&again.stderr));
    for name in ["inference/results.json", "inference/results.zip"] {
        let read = |run: &str| fs::read(bench.output(run).join(name)).unwrap();
        assert!(read("killed") == read("whole"), "{name} differs");
    }
}

#[test]
fn datasets_that_cannot_be_trained_on_are_explained() {
    let bench = Bench::new();
    let cases: [(&[&str], &str); 4] = [
        (&["DATASETS.TRAIN", "('nowhere',)"], "ytvis_2019_train"),
        (&["DATASETS.TRAIN", "('nowhere.json',)"], "nowhere.json"),
        (&["DATASETS.TRAIN", "()"], "DATASETS.TRAIN"),
        (&["MODEL.SeqFormer.NUM_CLASSES", "2"], "classes"),
    ];
    for (pairs, expected) in cases {
        let done = bench.run("train", "wrong", &[], pairs);
        let message = text(&done.stderr);
        assert!(!done.status.success() && message.contains(expected), "{message}");
        assert!(!message.contains("panicked"), "{message}");
    }
}

#[test]
fn weights_are_refused_by_another_network_and_when_they_were_altered() {
    let bench = Bench::new();
    let quick = ["SOLVER.MAX_ITER", "2", "SOLVER.STEPS", "()", "DATASETS.TEST", "()"];
    let done = bench.run("train", "model", &[], &quick);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let pth = display(&bench.output("model").join("model_final.pth"));
    let tensors = bench.output("model.safetensors");
    let made = seqformer(&["weights", "convert", &pth, &display(&tensors)]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let refused = |weights: &str, pairs: &[&str], expected: &[&str]| {
        let pairs = [&["MODEL.WEIGHTS", weights], pairs].concat();
        let done = bench.run("eval", "refused", &[], &pairs);
        let said = text(&done.stderr);
        assert!(!done.status.success(), "{}", text(&done.stdout));
        assert!(expected.iter().all(|expected| said.contains(expected)), "{said}");
    };
    for weights in [pth.as_str(), &display(&tensors)] {
        let found = bench.run("eval", "found", &[], &["MODEL.WEIGHTS", weights]);
        assert!(found.status.success(), "{}", text(&found.stderr));
        let other = ["MODEL.SeqFormer.NHEADS", "2", "MODEL.PIXEL_STD", "[1.0, 1.0, 1.0]"];
        refused(weights, &other, &["MODEL.SeqFormer.NHEADS: 8 and 2", "MODEL.PIXEL_STD"]);
    }
    // The same when the training itself goes on.
    let resumed = bench.run("train", "model", &["--resume"], &["MODEL.SeqFormer.NHEADS", "2"]);
    let said = text(&resumed.stderr);
    assert!(!resumed.status.success() && said.contains("MODEL.SeqFormer.NHEADS"), "{said}");

    let mut state = seqformer_checkpoint::read(&tensors).unwrap();
    let name = "detr.detr.query_embed.weight";
    let array = state.get(name).unwrap();
    let mut values = array.to_f32_vec();
    values[0] += 1.0;
    let altered = seqformer_checkpoint::Array::from_f32(array.shape(), &values).unwrap();
    state.insert(name, altered);
    let path = bench.output("altered.safetensors");
    seqformer_checkpoint::write_safetensors(&path, &state).unwrap();
    refused(&display(&path), &[], &["altered.safetensors", "hash"]);
}

#[test]
fn validations_come_in_their_period_and_are_compared_with_what_is_expected() {
    let bench = Bench::new();
    let quick = ["SOLVER.MAX_ITER", "4", "SOLVER.STEPS", "()", "TEST.EVAL_PERIOD", "2"];
    let done = bench.run("train", "model", &[], &quick);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(text(&done.stdout).matches("IoU=0.50:0.95 | area=   all | maxDets=100").count(), 4);
    let weights = display(&bench.output("model").join("model_best.pth"));
    let eval = |expected: &str| {
        let pairs = ["MODEL.WEIGHTS", weights.as_str(), "TEST.EXPECTED_RESULTS", expected];
        bench.run("eval", "eval", &[], &pairs)
    };
    let near = eval("[['segm', 'AP', 50.0, 60.0]]");
    assert!(near.status.success(), "{}", text(&near.stderr));
    for (far, said) in [
        ("[['segm', 'AP', 200.0, 1.0]]", "expected AP 200"),
        ("[['bbox', 'AP', 50.0, 60.0]]", "segm"),
    ] {
        let far = eval(far);
        assert!(!far.status.success() && text(&far.stderr).contains(said), "{}", text(&far.stderr));
    }
}

#[test]
fn a_new_backbone_may_take_its_statistics_from_the_first_clips() {
    let bench = Bench::new();
    let quick = ["SOLVER.MAX_ITER", "1", "SOLVER.STEPS", "()", "DATASETS.TEST", "()"];
    let means = |name: &str, calibrate: &str| {
        let pairs = [&quick[..], &["MODEL.RESNETS.CALIBRATE_NORM", calibrate]].concat();
        let done = bench.run("train", name, &[], &pairs);
        assert!(done.status.success(), "{}", text(&done.stderr));
        let tree = bench.checkpoint(name, "model_final.pth");
        let name = "detr.detr.backbone.0.backbone.stem.conv1.norm.running_mean";
        let tensor = tree.get("model").unwrap().get(name).and_then(Value::as_tensor).unwrap();
        tensor.to_f32_vec()
    };
    assert!(means("plain", "False").iter().all(|mean| *mean == 0.0));
    assert!(means("calibrated", "True").iter().any(|mean| *mean != 0.0));
}

#[test]
fn layers_that_a_backbone_file_lacks_take_their_statistics_from_the_first_clips() {
    const BACKBONE: &str = "detr.detr.backbone.0.backbone.";
    let bench = Bench::new();
    let quick = ["SOLVER.MAX_ITER", "1", "SOLVER.STEPS", "()", "DATASETS.TEST", "()"];
    let done = bench.run("train", "whole", &[], &quick);
    assert!(done.status.success(), "{}", text(&done.stderr));
    // A backbone without its last stage, whose statistics can be told from all others.
    let whole = seqformer_checkpoint::read(&bench.output("whole/model_final.pth")).unwrap();
    let part = whole.into_iter().filter_map(|(name, array)| {
        let name = name.strip_prefix(BACKBONE).filter(|name| !name.starts_with("res5."))?;
        let values = match name.rsplit('.').next().unwrap() {
            // Negative, so that no ReLU ends what comes to the last stage.
            "running_mean" => vec![-0.25; array.num_elements()],
            _ => array.to_f32_vec(),
        };
        let array = seqformer_checkpoint::Array::from_f32(array.shape(), &values).unwrap();
        Some((format!("module.{name}"), array))
    });
    let path = bench.output("part.safetensors");
    seqformer_checkpoint::write_safetensors(&path, &part.collect()).unwrap();
    for calibrate in ["True", "False"] {
        let weights = display(&path);
        let pairs = ["MODEL.RESNETS.CALIBRATE_NORM", calibrate, "MODEL.WEIGHTS", &weights];
        let done = bench.run("train", calibrate, &[], &[&quick[..], &pairs].concat());
        let said = text(&done.stderr);
        assert!(
            done.status.success() && said.contains("have no normalization statistics"),
            "{said}"
        );
        assert!(said.contains("took \"module.\" off every name"), "{said}");
        let tree = bench.checkpoint(calibrate, "model_final.pth");
        let means = |layer: &str| {
            let name = format!("{BACKBONE}{layer}.norm.running_mean");
            let tensor = tree.get("model").unwrap().get(&name).and_then(Value::as_tensor);
            tensor.unwrap().to_f32_vec()
        };
        for layer in ["stem.conv1", "res2.0.shortcut", "res4.0.conv3"] {
            assert!(means(layer).iter().all(|mean| *mean == -0.25), "{layer} is as in the file");
        }
        for layer in ["res5.0.shortcut", "res5.0.conv1"] {
            let is_taken = means(layer).iter().any(|mean| *mean != 0.0);
            assert_eq!(is_taken, calibrate == "True", "{layer}, CALIBRATE_NORM {calibrate}");
        }
    }
}

#[test]
fn a_run_goes_on_from_an_older_checkpoint_of_its_own_and_says_so() {
    let bench = Bench::new();
    let quick = ["SOLVER.STEPS", "()", "DATASETS.TEST", "()", "SOLVER.CHECKPOINT_PERIOD", "1"];
    let train = |flags: &[&str], iterations: &str| {
        let pairs = [&quick[..], &["SOLVER.MAX_ITER", iterations]].concat();
        let done = bench.run("train", "run", flags, &pairs);
        (done.status.success(), text(&done.stdout), text(&done.stderr))
    };
    let file = |name: &str| bench.output("run").join(name);
    assert!(train(&[], "2").0);
    let whole = fs::read(file("model_final.pth")).unwrap();
    fs::write(file("model_final.pth"), &whole[..whole.len() / 2]).unwrap();
    fs::remove_file(file("model_0000001.pth")).unwrap();
    let (ok, printed, said) = train(&["--resume"], "3");
    assert!(ok && printed.contains("iterations 1 to 3"), "{printed}{said}");
    assert!(
        said.contains("model_final.pth: ")
            && said.contains("is ")
            && said.contains("model_0000000.pth"),
        "{said}"
    );

    // A byte inside the tensors is only seen when they are read.
    let mut changed = fs::read(file("model_final.pth")).unwrap();
    let middle = changed.len() / 4;
    changed[middle] ^= 0x10;
    fs::write(file("model_final.pth"), &changed).unwrap();
    let (ok, printed, said) = train(&["--resume"], "4");
    assert!(ok && printed.contains("iterations 3 to 4"), "{printed}{said}");
    assert!(said.contains("hash") && said.contains("model_0000002.pth"), "{said}");

    // Another run in the same folder is killed before its first checkpoint, and begins anew.
    let id = fs::read_to_string(file("run_id")).unwrap();
    let endless = ["SOLVER.MAX_ITER", "100000", "SOLVER.CHECKPOINT_PERIOD", "100000"];
    let mut child = bench.start("train", "run", &[], &[&quick[..], &endless].concat());
    let end = Instant::now() + Duration::from_mins(1);
    while fs::read_to_string(file("run_id")).unwrap() == id {
        assert!(Instant::now() < end, "the second run does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let (ok, printed, said) = train(&["--resume"], "1");
    assert!(ok && printed.contains("iterations 0 to 1"), "{printed}{said}");
    assert!(
        said.contains("has written no checkpoint") && said.contains("starts at iteration 0"),
        "{said}"
    );
    // What the first run wrote is still there, beside the file that was cut.
    let kept = bench.checkpoint("run", "model_final.2.pth");
    assert_eq!(kept.get("seqformer").unwrap().get("run").unwrap().as_str(), Some(id.as_str()));
    assert!(file("model_final.1.pth").exists());

    for entry in bench.output("run").read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "pth") {
            fs::write(path, b"").unwrap();
        }
    }
    let (ok, printed, said) = train(&["--resume"], "2");
    assert!(!ok && said.contains("no checkpoint of this run can be read"), "{printed}{said}");
}

/// A short training without an evaluation.
pub(crate) const QUICK: [&str; 6] =
    ["SOLVER.MAX_ITER", "2", "SOLVER.STEPS", "()", "DATASETS.TEST", "()"];

#[test]
fn an_evaluation_that_fails_costs_a_training_neither_its_checkpoints_nor_its_end() {
    let bench = Bench::new();
    let frames = bench.folder.path().join("data/val/JPEGImages");
    let mut videos: Vec<PathBuf> =
        fs::read_dir(frames).unwrap().map(|entry| entry.unwrap().path()).collect();
    videos.sort();
    let frame = fs::read_dir(&videos[1]).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&frame).unwrap();
    let pairs = ["SOLVER.MAX_ITER", "4", "SOLVER.STEPS", "()", "TEST.EVAL_PERIOD", "2"];
    let done = bench.run("train", "model", &[], &pairs);
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    let log = fs::read_to_string(bench.output("model").join("log.txt")).unwrap();
    let name = frame.file_name().unwrap().to_string_lossy().into_owned();
    for text in [&said, &log] {
        assert_eq!(
            text.matches("the evaluation failed (the training is unharmed)").count(),
            2,
            "{text}"
        );
        assert!(text.contains("iteration 1: ") && text.contains(&name), "{text}");
        assert!(text.contains("error: training finished"), "{text}");
    }
    for name in ["model_0000001.pth", "model_0000003.pth", "model_final.pth"] {
        assert!(bench.output("model").join(name).is_file(), "{name}: {said}");
    }
    assert!(log.contains("iter: 3  total_loss"), "{log}");
}

#[test]
fn a_test_file_that_cannot_be_evaluated_ends_a_training_before_its_first_step() {
    let bench = Bench::new();
    let done = bench.run("train", "model", &[], &["DATASETS.TEST", "('missing.json',)"]);
    let said = text(&done.stderr);
    assert!(!done.status.success() && said.contains("DATASETS.TEST missing.json: "), "{said}");
    assert!(!bench.output("model").join("metrics.json").exists(), "{said}");
}

#[test]
fn the_log_has_the_warnings_the_data_and_the_device() {
    let bench = Bench::new();
    let schedule = ["SOLVER.WARMUP_ITERS", "200", "SOLVER.WARMUP_FACTOR", "0.001"];
    let more = [&schedule[..], &["MODEL.SeqFormer.NUM_CLASSES", "5"]].concat();
    let done = bench.run("train", "model", &["--threads", "1"], &[&QUICK[..], &more].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    let log = fs::read_to_string(bench.output("model").join("log.txt")).unwrap();
    let expected = [
        "WARN SOLVER.WARMUP_ITERS 200 is not below SOLVER.MAX_ITER 2",
        "WARN MODEL.SeqFormer.NUM_CLASSES is 5, but DATASETS.TRAIN has 3 categories",
        "device: cpu, 1 thread\n",
        "train.json: 5 videos or images, ",
        "Overall training speed: 2 iterations",
    ];
    for line in expected {
        assert_eq!(log.matches(line).count(), 1, "{line}: {log}");
    }
    assert!(!log.contains('\u{1b}'), "{log}");
}

#[test]
fn clips_of_more_instances_than_queries_are_trained_on_and_named_once() {
    let bench = Bench::new();
    let more = ["MODEL.SeqFormer.NUM_OBJECT_QUERIES", "1", "SOLVER.MAX_ITER", "4"];
    let done = bench.run("train", "model", &[], &[&QUICK[..], &more].concat());
    let said = text(&done.stderr);
    assert!(done.status.success(), "{said}");
    assert_eq!(
        said.matches("more than MODEL.SeqFormer.NUM_OBJECT_QUERIES 1:").count(),
        1,
        "{said}"
    );
    let line = said.lines().find(|line| line.contains("train no query")).unwrap();
    assert!(line.contains("video ") && line.contains("frames ") && line.contains("has "), "{line}");
    assert!(said.contains("videos or images have more instances than"), "{said}");
}

#[test]
fn paths_begin_in_the_home_folder_and_no_folder_is_called_by_a_variable() {
    let bench = Bench::new();
    let home = bench.folder.path();
    let run = |pairs: &[&str]| {
        let arguments = bench.arguments("train", "model", &[], pairs);
        crate::command(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
            .current_dir(home)
            .env("HOME", home)
            .env("DETECTRON2_DATASETS", "~/sets")
            .env_remove("NO_SUCH_VARIABLE")
            .output()
            .unwrap()
    };
    let done = run(&[&QUICK[..], &["OUTPUT_DIR", "~/run"]].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(home.join("run/model_final.pth").is_file() && !home.join("~").exists());
    let config = fs::read_to_string(home.join("run/config.yaml")).unwrap();
    assert!(config.contains("OUTPUT_DIR: ~/run\n"), "{config}");
    let done = run(&[&QUICK[..], &["OUTPUT_DIR", "$NO_SUCH_VARIABLE/run"]].concat());
    let said = text(&done.stderr);
    assert!(!done.status.success() && said.contains("OUTPUT_DIR"), "{said}");
    assert!(!home.join("$NO_SUCH_VARIABLE").exists(), "{said}");
    let done = run(&["DATASETS.TRAIN", "('ytvis_2019_train',)", "DATASETS.TEST", "()"]);
    let said = text(&done.stderr);
    assert!(said.contains(&display(&home.join("sets"))), "{said}");
}

/// detectron2 goes on with the rate of the checkpoint.
#[test]
fn a_resumed_run_takes_the_configured_rate_and_says_so() {
    let bench = Bench::new();
    let train = |flags: &[&str], pairs: &[&str]| {
        let quick = ["SOLVER.STEPS", "()", "DATASETS.TEST", "()"];
        let done = bench.run("train", "run", flags, &[&quick[..], pairs].concat());
        assert!(done.status.success(), "{}", text(&done.stderr));
        text(&done.stderr)
    };
    train(&[], &["SOLVER.MAX_ITER", "2", "SOLVER.BASE_LR", "0.0001"]);
    let resumed = |rate: &str, iterations: &str| {
        let said = train(&["--resume"], &["SOLVER.MAX_ITER", iterations, "SOLVER.BASE_LR", rate]);
        let metrics = fs::read_to_string(bench.output("run").join("metrics.json")).unwrap();
        let last: serde_json::Value =
            serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
        (said, last["lr"].as_f64().unwrap())
    };
    let (said, rate) = resumed("0.0001", "4");
    assert!(!said.contains("SOLVER.BASE_LR"), "{said}");
    assert_eq!(rate, 0.0001);
    let (said, rate) = resumed("0.002", "6");
    let expected = "trained with SOLVER.BASE_LR 0.0001; the training goes on with 0.002";
    assert!(said.contains(expected), "{said}");
    assert_eq!(rate, 0.002);
}
