//! The output of an evaluation, alone or in a training: scores by name, logs, and files for other programs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use seqformer_checkpoint::{Value, read_tree};
use serde_json::Value as Json;

use crate::train::{Bench, QUICK, weights_and_optimizer};
use crate::{display, seqformer, text};

const FOUR: [&str; 4] = ["SOLVER.MAX_ITER", "4", "SOLVER.STEPS", "()"];

/// One result for each of the ten best queries, whatever its score.
const ALWAYS: [&str; 2] = ["MODEL.SeqFormer.MULTI_CLS_ON", "False"];

/// All names and values of a `metrics.json`, the last of each.
fn metrics(folder: &Path) -> serde_json::Map<String, Json> {
    let text = fs::read_to_string(folder.join("metrics.json")).unwrap();
    let lines = text.lines().map(serde_json::from_str::<serde_json::Map<_, _>>);
    lines.flat_map(Result::unwrap).collect()
}

#[test]
fn several_test_datasets_keep_their_names_scores_and_results() {
    let bench = Bench::new();
    // The same file name, with fewer videos.
    let (data, other) = (bench.output("data"), bench.output("other"));
    fs::create_dir_all(other.join("annotations")).unwrap();
    std::os::unix::fs::symlink(data.join("val"), other.join("val")).unwrap();
    let file = |folder: &Path| folder.join("annotations/val.json");
    let mut truth: Json = serde_json::from_slice(&fs::read(file(&data)).unwrap()).unwrap();
    let last = truth["videos"].as_array_mut().unwrap().pop().unwrap()["id"].clone();
    truth["annotations"].as_array_mut().unwrap().retain(|track| track["video_id"] != last);
    fs::write(file(&other), truth.to_string()).unwrap();
    let names = [&data, &other].map(|folder| display(&file(folder)));
    let test = format!("['{}', '{}']", names[0], names[1]);
    let best = format!("{}/segm/AP50", names[1]);
    let pairs =
        ["DATASETS.TEST", test.as_str(), "TEST.EVAL_PERIOD", "2", "TEST.BEST_METRIC", &best];
    let done = bench.run("train", "model", &[], &[&FOUR[..], &ALWAYS, &pairs].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    let run = bench.output("model");
    let scores = metrics(&run);
    for name in &names {
        for metric in ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100"] {
            assert!(scores.contains_key(&format!("{name}/segm/{metric}")), "{name} {metric}");
        }
        let classes = truth["categories"].as_array().unwrap().iter();
        for class in classes.map(|class| class["name"].as_str().unwrap()) {
            assert!(scores.contains_key(&format!("{name}/segm/AP-{class}")), "{name} {class}");
        }
    }
    assert!(!scores.contains_key("segm/AP"));
    let mut videos = ["data_annotations_val", "other_annotations_val"].map(|folder| {
        let predictions = run.join("inference").join(folder).join("instances_predictions.pth");
        let tree = read_tree(&predictions).unwrap();
        let videos = tree.as_list().unwrap().iter().map(|found| found.get("video_id").unwrap());
        videos.map(|id| id.as_i64().unwrap()).collect::<BTreeSet<_>>().len()
    });
    videos.sort_unstable();
    assert_eq!(videos, [2, 3]);
    let own = bench.checkpoint("model", "model_best.pth").get("seqformer").unwrap().clone();
    assert_eq!(own.get("best_metric").and_then(Value::as_str), Some(best.as_str()));
    // A name that no score will have is an error before the first step.
    let wrong = [&pairs[..5], &["segm/AP50x"]].concat();
    let done = bench.run("train", "wrong", &[], &[&FOUR[..], &wrong].concat());
    let said = text(&done.stderr);
    assert!(!done.status.success() && said.contains("TEST.BEST_METRIC: expected a task"), "{said}");
    assert!(!bench.output("wrong").join("metrics.json").exists());
}

#[test]
fn a_training_that_misses_its_expected_scores_has_failed() {
    let bench = Bench::new();
    let train = |output: &str, more: &[&str]| {
        let quick = ["SOLVER.MAX_ITER", "2", "SOLVER.STEPS", "()"];
        bench.run("train", output, &[], &[&quick[..], more].concat())
    };
    let done = train("far", &["TEST.EXPECTED_RESULTS", "[['segm', 'AP', 200.0, 1.0]]"]);
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(
        said.contains("TEST.EXPECTED_RESULTS: segm: expected AP 200 within 1, found "),
        "{said}"
    );
    let far = bench.output("far");
    assert!(far.join("model_final.pth").is_file() && far.join("inference/results.json").is_file());
    let log = fs::read_to_string(far.join("log.txt")).unwrap();
    assert!(log.contains("error: TEST.EXPECTED_RESULTS: "), "{log}");
    // Boxes of images; those of videos are no score.
    let done = train("boxes", &["TEST.EXPECTED_RESULTS", "[['bbox', 'AP', 50.0, 60.0]]"]);
    let said = text(&done.stderr);
    assert!(!done.status.success() && said.contains("videos have only segm"), "{said}");
    let images = bench.output("images");
    let made = seqformer(&[
        "synth",
        "--output",
        &display(&images),
        "--layout",
        "coco",
        "--videos",
        "2",
        "--val-videos",
        "2",
        "--size",
        "64x64",
        "--classes",
        "3",
        "--seed",
        "2",
    ]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let json = display(&images.join("coco/annotations/instances_val2017.json"));
    let root = display(&images.join("coco/val2017"));
    let images = |expected: &'static str| {
        let more = [
            "DATASETS.CUSTOM.images.json",
            json.as_str(),
            "DATASETS.CUSTOM.images.image_root",
            &root,
            "DATASETS.CUSTOM.images.type",
            "coco",
            "DATASETS.TEST",
            "('images',)",
            "TEST.EXPECTED_RESULTS",
            expected,
        ];
        train("images", &more)
    };
    let near = images("[['bbox', 'AP', 50.0, 60.0], ['segm', 'AP50', 50.0, 60.0]]");
    assert!(near.status.success(), "{}", text(&near.stderr));
    let scores = metrics(&bench.output("images"));
    for name in ["bbox/AP", "bbox/APl", "bbox/AR100", "segm/AP", "segm/APs"] {
        assert!(scores.contains_key(name), "{name}");
    }
    let printed = text(&near.stdout);
    let tasks = ["copypaste: Task: bbox", "copypaste: Task: segm"].map(|task| printed.find(task));
    assert!(tasks[0].is_some() && tasks[0] < tasks[1], "{printed}");
    let far = images("[['bbox', 'AP', 200.0, 1.0]]");
    let said = text(&far.stderr);
    assert!(!far.status.success() && said.contains("bbox: expected AP 200 within 1"), "{said}");
}

/// The part of a log between the lines `start` and `end`.
fn part<'a>(log: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = log.split_once(start).unwrap_or_else(|| panic!("{start}: {log}"));
    rest.split_once(end).unwrap_or_else(|| panic!("{end}: {log}")).0
}

#[test]
fn a_run_can_be_repeated_from_its_log() {
    let bench = Bench::new();
    let done = bench.run("train", "first", &[], &[&QUICK[..], &["SEED", "-1"]].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    let log = fs::read_to_string(bench.output("first").join("log.txt")).unwrap();
    for line in [
        "Rank of current process: 0. World size: 1\n",
        "Environment info:\n",
        "Command line arguments: ",
        "detr.detr.transformer.encoder ",
    ] {
        assert_eq!(log.matches(line).count(), 1, "{line}: {log}");
    }
    // The second run uses only the configuration and the seed from the log.
    let config = part(&log, "Running with full config:\n", "training 2 clips");
    let config: Vec<&str> = config.lines().filter(|line| !line.contains("WARN")).collect();
    let path = bench.output("again.yaml");
    fs::write(&path, config.join("\n")).unwrap();
    let seed = part(&log, "\nseed: ", "\n").to_owned();
    let output = display(&bench.output("again"));
    let arguments = ["train", "--config-file", &display(&path), "--device", "cpu", "SEED", &seed];
    let done = seqformer(&[&arguments[..], &["OUTPUT_DIR", &output]].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    let weights = |run: &str| weights_and_optimizer(&bench.checkpoint(run, "model_final.pth"));
    assert!(weights("first") == weights("again"));
    // The file that VNext may read contains no key that VNext lacks.
    let config = fs::read_to_string(bench.output("first").join("config.yaml")).unwrap();
    for key in ["PAD_TO_BATCH", "MICRO_BATCH_SIZE", "BEST_METRIC", "CUSTOM"] {
        assert!(!config.contains(key), "{key}: {config}");
        assert!(log.contains(key), "{key}: {log}");
    }
}

#[test]
fn an_evaluation_leaves_a_log_of_each_process_and_files_for_other_programs() {
    let bench = Bench::new();
    let done = bench.run("train", "model", &[], &QUICK);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let weights = display(&bench.output("model/model_final.pth"));
    let pairs = [&ALWAYS[..], &["MODEL.WEIGHTS", weights.as_str()]].concat();
    let done = bench.run("eval", "eval", &["--num-workers-cpu", "2"], &pairs);
    let printed = text(&done.stdout);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let folder = bench.output("eval");
    let log = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    for (name, rank) in [("log.txt", 0), ("log.txt.rank1", 1)] {
        let log = log(name);
        assert!(
            log.starts_with(&format!("Rank of current process: {rank}. World size: 2\n")),
            "{log}"
        );
        for line in
            ["Environment info:\n", "Running with full config:\n", "\nmodel:\n", "weights: "]
        {
            assert!(log.contains(line), "{line}: {log}");
        }
    }
    for said in [&printed, &log("log.txt")] {
        let times =
            part(said, "Total inference time: 0:00:", " s / iter per device, on 2 devices)");
        assert!(times.split_once(" (").unwrap().1.parse::<f64>().is_ok(), "{said}");
        let scores = part(said, "copypaste: AP,AP50,AP75,APs,APm,APl", "copypaste: ");
        assert!(scores.starts_with(",AR1"), "{said}");
    }
    // The file for PyTorch has the same results as the one for the server, with classes numbered from 0.
    let results: Vec<Json> =
        serde_json::from_slice(&fs::read(folder.join("inference/results.json")).unwrap()).unwrap();
    let tree = read_tree(&folder.join("inference/instances_predictions.pth")).unwrap();
    let predictions = tree.as_list().unwrap();
    assert!(!results.is_empty() && results.len() == predictions.len());
    for (result, prediction) in results.iter().zip(predictions) {
        let entries = prediction.as_dict().unwrap().iter();
        let keys: Vec<&str> = entries.map(|(key, _)| key.as_str().unwrap()).collect();
        assert_eq!(keys, ["video_id", "score", "category_id", "segmentations"]);
        let number = |key: &str| prediction.get(key).and_then(Value::as_f64).unwrap();
        assert_eq!(number("video_id"), result["video_id"].as_f64().unwrap());
        assert_eq!(number("score"), result["score"].as_f64().unwrap());
        // The categories of `synth` have the ids 1, 2 and 3.
        assert_eq!(number("category_id") + 1.0, result["category_id"].as_f64().unwrap());
        let masks = prediction.get("segmentations").and_then(Value::as_list).unwrap();
        for (mask, expected) in masks.iter().zip(result["segmentations"].as_array().unwrap()) {
            assert_eq!(mask.get("counts").and_then(Value::as_str), expected["counts"].as_str());
            let size = mask.get("size").and_then(Value::as_list).unwrap();
            assert_eq!(size, [Value::Int(64), Value::Int(64)]);
        }
    }
    // An evaluation replaces its own config.yaml and never that of a training.
    let config =
        |folder: &str| fs::read_to_string(bench.output(folder).join("config.yaml")).unwrap();
    let before = (config("model"), config("eval"));
    for folder in ["model", "eval"] {
        let done = bench.run("eval", folder, &[], &[&pairs[..], &["SEED", "77"]].concat());
        assert!(done.status.success(), "{}", text(&done.stderr));
    }
    assert_eq!(config("model"), before.0);
    assert!(config("eval") != before.1 && config("eval").contains("SEED: 77"));
}
