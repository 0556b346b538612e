//! `seqformer bench`: what it prints. How fast it is depends on the machine and is not tested.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::{display, golden, seqformer, text};

const NETWORK: [&str; 5] = ["backbone", "encoder", "decoder", "masks", "other"];
const WHOLE: [&str; 9] =
    ["decode", "resize", "backbone", "encoder", "decoder", "masks", "rle", "overlay", "files"];

/// Runs `bench` with the tiny network on a few frames and gives back the JSON of its standard output.
fn bench(more: &[&str]) -> Value {
    let config = golden("tiny_config.yaml");
    let mut arguments = vec!["bench", "--config-file", &config, "--device", "cpu"];
    arguments.extend(["--frames", "7", "--size", "64x48", "--runs", "2", "--json", "-"]);
    arguments.extend(more);
    arguments.extend(["MODEL.WEIGHTS", ""]);
    let done = seqformer(&arguments);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains("frames per second"), "{}", text(&done.stderr));
    serde_json::from_slice(&done.stdout).expect("standard output is one JSON document")
}

fn positive(value: &Value, name: &str) -> f64 {
    let number = value[name].as_f64().unwrap_or_else(|| panic!("{name} is no number in {value}"));
    assert!(number.is_finite() && number > 0.0, "{name} is {number}");
    number
}

/// Checks the keys of a part of the report, and that its numbers fit together.
fn check_speed(speed: &Value, stages: &[&str]) {
    let secs = positive(speed, "seconds_median");
    assert_eq!(speed["seconds"].as_array().unwrap().len(), 2);
    assert!((positive(speed, "fps") * secs - 7.0).abs() < 1e-6);
    assert!(positive(speed, "p50_ms") <= positive(speed, "p99_ms"));
    let found = speed["stages"].as_object().unwrap();
    assert_eq!(found.len(), stages.len(), "{found:?}");
    for stage in stages {
        let secs = found[*stage].as_f64().unwrap();
        assert!(secs.is_finite() && secs >= 0.0, "{stage}: {secs}");
    }
    for stage in ["backbone", "encoder", "decoder", "masks"] {
        positive(&speed["stages"], stage);
    }
    if cfg!(target_os = "linux") {
        assert!(positive(speed, "peak_rss_mib") >= positive(speed, "rss_before_mib"));
    }
}

#[test]
fn all_parts_are_measured_and_standard_output_is_json_alone() {
    let report = bench(&[]);
    check_speed(&report["model"], &NETWORK);
    check_speed(&report["end_to_end"], &WHOLE);
    positive(&report["end_to_end"], "share_of_model");
    for stage in ["backbone", "encoder", "decoder", "masks"] {
        let work = &report["model"]["work"][stage];
        let secs = positive(&report["model"]["stages"], stage);
        let (flop, flops) = (positive(work, "flop"), positive(work, "flops"));
        assert!((flop / secs / flops - 1.0).abs() < 1e-6);
        positive(work, "share_of_matmul");
    }
    for rate in ["matmul_f32_flops", "matmul_bf16_flops", "memory_read_bytes_per_second", "threads"]
    {
        positive(&report["machine"], rate);
    }
    let setting = &report["setting"];
    assert_eq!((&setting["frames"], &setting["height"]), (&Value::from(7), &Value::from(48)));
    assert_eq!((&setting["precision"], &setting["mode"]), (&"f32".into(), &"whole".into()));
}

#[test]
fn clips_bf16_and_a_backbone_by_name_are_measured_too() {
    let more = ["--mode", "clip", "--clip-length", "3", "--clip-stride", "2", "--model-only"];
    let report = bench(&[&more[..], &["--precision", "bf16", "--backbone", "r18"]].concat());
    check_speed(&report["model"], &NETWORK);
    assert_eq!(report["end_to_end"], Value::Null);
    let setting = &report["setting"];
    assert_eq!((&setting["precision"], &setting["mode"]), (&"bf16".into(), &"clip".into()));
    assert_eq!((&setting["clip_length"], &setting["clip_stride"]), (&3.into(), &2.into()));
}

#[test]
fn a_file_takes_the_json_and_mistakes_are_said() {
    let folder = TempDir::new().unwrap();
    let (config, json) = (golden("tiny_config.yaml"), folder.path().join("bench.json"));
    let run = |more: &[&str]| {
        let mut arguments = vec!["bench", "--config-file", &config, "--device", "cpu"];
        arguments.extend(["--frames", "1", "--runs", "1", "--model-only"]);
        arguments.extend(more);
        seqformer(&arguments)
    };
    let done = run(&["--size", "32x32", "--json", &display(&json), "MODEL.WEIGHTS", ""]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("frames per second"));
    let report: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    positive(&report["model"], "fps");
    for (more, expected) in [
        (&["--size", "640"][..], "640x360"),
        (&["--size", "0x10"], "640x360"),
        (&["--weights", "nowhere.pth"], "nowhere.pth"),
        (&["--max-memory", "1MiB", "MODEL.WEIGHTS", ""], "MiB are not enough"),
        (&["MODEL.WEIGHTS", "", "--json"], "--json <FILE>"),
    ] {
        let done = run(more);
        let message = text(&done.stderr);
        assert!(!done.status.success() && message.contains(expected), "{more:?}: {message}");
        assert!(!message.contains("panicked"), "{message}");
    }
}

#[test]
fn a_history_grows_by_a_line_and_nothing_else_is_taken_for_one() {
    let folder = TempDir::new().unwrap();
    let history = display(&folder.path().join("speed.jsonl"));
    for lines in 1..=2 {
        let report = bench(&["--model-only", "--history", &history]);
        let text = fs::read_to_string(&history).unwrap();
        assert_eq!(text.lines().count(), lines);
        let line: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(line["version"], env!("CARGO_PKG_VERSION"));
        assert!(line["unix_seconds"].as_u64() > Some(1_700_000_000));
        for part in ["setting", "model", "machine"] {
            assert_eq!(line[part], report[part]);
        }
    }
    // Neither the other option nor a line that was cut off takes a line away.
    let whole = fs::read_to_string(&history).unwrap();
    let first = folder.path().join("first.jsonl");
    fs::write(&first, whole.lines().next().unwrap()).unwrap();
    let first = display(&first);
    let config = golden("tiny_config.yaml");
    let both = seqformer(&[
        "bench",
        "--config-file",
        &config,
        "--json",
        "new.json",
        "--history",
        "new.json",
    ]);
    assert!(
        text(&both.stderr).contains("expected another file than that of --json"),
        "{}",
        text(&both.stderr)
    );
    let done = seqformer(&["bench", "--config-file", &config, "--json", &first]);
    assert!(
        text(&done.stderr).contains("expected a new file or earlier numbers"),
        "{}",
        text(&done.stderr)
    );
    bench(&["--model-only", "--history", &first]);
    let lines: Vec<Value> = fs::read_to_string(&first)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    let other = folder.path().join("annotations.json");
    fs::write(&other, "{\"videos\": []}\n").unwrap();
    let words = ["bench", "--config-file", &config, "--history", &display(&other)];
    let done = seqformer(&words);
    assert!(!done.status.success());
    assert!(
        text(&done.stderr).contains("expected a new file or a history"),
        "{}",
        text(&done.stderr)
    );
    assert_eq!(fs::read_to_string(&other).unwrap(), "{\"videos\": []}\n");
}
