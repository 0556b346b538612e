//! Commands that need no network: what they print, and that they replace nothing.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use crate::{command, display, golden, seqformer, text, write_config};

#[test]
fn the_configuration_of_a_run_loads_again_to_the_same() {
    let folder = TempDir::new().unwrap();
    let custom = "  CUSTOM:\n    street: {json: street.json, image_root: frames, type: coco}\n  TRAIN: [street]\n  \
                  DATASET_RATIO: [2.0]\n  CATEGORY_MAP: [[1, 2], [3, 4]]";
    let path = write_config(folder.path(), custom, "SEED: 3");
    let print = |file: &Path| {
        let done =
            seqformer(&["config", "--config-file", &display(file), "SOLVER.BASE_LR", "1e-5"]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        text(&done.stdout)
    };
    let first = print(&path);
    assert!(first.contains("street:") && first.contains("BASE_LR: 1.0e-05"), "{first}");
    let dumped = folder.path().join("config.yaml");
    fs::write(&dumped, &first).unwrap();
    assert_eq!(print(&dumped), first);
}

#[test]
fn shells_get_completions_and_keys_a_reference() {
    for shell in ["bash", "zsh", "fish"] {
        let done = seqformer(&["completions", shell]);
        assert!(done.status.success() && text(&done.stdout).contains("coco-to-ytvis"), "{shell}");
    }
    let page = text(&seqformer(&["config", "--keys"]).stdout);
    assert!(page.contains("| `MODEL.SeqFormer.NUM_CLASSES` | `80` |"), "{page}");
    let defaults = text(&seqformer(&["config", "MODEL.DEVICE", "cpu"]).stdout);
    assert!(defaults.contains("  DEVICE: cpu\n"), "{defaults}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_output_is_an_error_and_a_closed_one_is_not() {
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let cases: [&[&str]; 4] =
        [&["config", "--keys"], &["completions", "bash"], &["--help"], &["--version"]];
    for arguments in cases {
        let done = command(arguments).stdout(full()).output().unwrap();
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("standard output cannot be written"), "{arguments:?}: {said}");
        let mut child =
            command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success() && done.stderr.is_empty(), "{}", text(&done.stderr));
    }
}

#[test]
fn tools_never_write_onto_what_they_read() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| display(&folder.path().join(name));
    let refused = |path: &str, arguments: &[&str]| {
        let before = fs::read(path).unwrap();
        let done = seqformer(arguments);
        let said = text(&done.stderr);
        assert!(!done.status.success() && said.contains(path), "{arguments:?}: {said}");
        assert!(fs::read(path).unwrap() == before, "{arguments:?} has replaced {path}");
        said
    };
    let coco = at("instances.json");
    let empty = r#"{"images": [], "annotations": [], "categories": [{"id": 1, "name": "person"}]}"#;
    fs::write(&coco, empty).unwrap();
    refused(&coco, &["data", "coco-to-ytvis", "--json", &coco, "--output", &coco, "--overwrite"]);
    let other = at("other.json");
    fs::write(&other, "mine").unwrap();
    let said = refused(&other, &["data", "coco-to-ytvis", "--json", &coco, "--output", &other]);
    assert!(said.contains("--overwrite"), "{said}");
    let more = ["--json", &coco, "--output", &other, "--overwrite"];
    let done = seqformer(&[&["data", "coco-to-ytvis"], &more[..]].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));

    let weights = at("model.pth");
    fs::copy(golden("tiny_model.pth"), &weights).unwrap();
    refused(&weights, &["weights", "convert", &weights, &weights, "--overwrite"]);
    let target = at("model.safetensors");
    fs::write(&target, "mine").unwrap();
    refused(&target, &["weights", "convert", &weights, &target]);

    let (gt, results) = (at("gt.json"), at("results.json"));
    fs::copy(golden("eval/gt.json"), &gt).unwrap();
    fs::copy(golden("eval/results.json"), &results).unwrap();
    for json in [&gt, &results, &other] {
        refused(json, &["score", "--gt", &gt, "--results", &results, "--json", json]);
    }
    let scores = at("scores.json");
    for _ in 0..2 {
        let more = ["--gt", &gt, "--results", &results, "--json", &scores];
        let done = seqformer(&[&["score"], &more[..]].concat());
        assert!(done.status.success(), "{}", text(&done.stderr));
    }
}

#[test]
fn ambiguous_options_of_train_net_are_listed_in_full() {
    let done = seqformer(&["--num", "8", "--config", "a.yaml"]);
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{said}");
    assert!(said.contains("--num could be any of --num-gpus, --num-machines"), "{said}");
}
