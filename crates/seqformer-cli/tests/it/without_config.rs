//! Weights alone: `predict`, `eval` and `bench` without a configuration, and `predict` without a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use seqformer_checkpoint::{Provenance, StateDict, read, write_safetensors};
use tempfile::TempDir;

use crate::{command, display, golden, text};

/// Runs `seqformer` in a folder, with the models that are in it.
fn run_in(folder: &Path, words: &[&str]) -> Output {
    let mut command = command(words);
    command.env("SEQFORMER_MODELS", folder.join("models"));
    command.env("SEQFORMER_CACHE", folder.join("cache"));
    command.current_dir(folder).output().unwrap()
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn video() -> String {
    golden("tiny_video/JPEGImages/vid_short")
}

/// The results of the small model with its configuration file.
fn with_config(folder: &Path) -> Vec<u8> {
    let (config, weights) = (golden("tiny_config.yaml"), golden("tiny_model.pth"));
    let (video, classes) = (video(), display(&classes(folder)));
    let words = ["predict", "--config-file", &config, "--weights", &weights, "--classes", &classes];
    done(&run_in(folder, &[&words[..], &["--output", "with", "--no-overlay", &video]].concat()));
    fs::read(folder.join("with/results.json")).unwrap()
}

const CLASSES: [&str; 5] = ["car", "bus", "tram", "bike", "dog"];

fn classes(folder: &Path) -> PathBuf {
    let path = folder.join("classes.txt");
    fs::write(&path, CLASSES.join("\n")).unwrap();
    path
}

/// The same model as this program writes it, with its configuration and classes.
fn tagged(folder: &Path) -> PathBuf {
    let mut state = read(Path::new(&golden("tiny_model.pth"))).unwrap();
    let config = Some(fs::read_to_string(golden("tiny_config.yaml")).unwrap());
    let classes = CLASSES.map(str::to_owned).to_vec();
    Provenance { config, classes, hash: None }.write_to(&mut state);
    let path = folder.join("model.safetensors");
    write_safetensors(&path, &state).unwrap();
    path
}

#[test]
fn own_weights_and_a_video_are_enough() {
    let folder = TempDir::new().unwrap();
    let expected = with_config(folder.path());
    let (weights, video) = (display(&tagged(folder.path())), video());
    let words = ["predict", "--weights", &weights, &video];
    let first = run_in(folder.path(), &words);
    let (said, table) = (text(&first.stderr), done(&first));
    assert!(said.contains("model.safetensors: ResNet-50, 2 + 3 layers"), "{said}");
    assert!(said.contains("shorter side 50; configuration stored in the file"), "{said}");
    for part in ["tram", "output/predict/vid_short/results.json", "frames a second", "Next: "] {
        assert!(table.contains(part), "{table}");
    }
    let results =
        |name: &str| fs::read(folder.path().join(format!("output/predict/{name}/results.json")));
    assert_eq!(results("vid_short").unwrap(), expected);
    // A new folder each time; nothing is overwritten.
    done(&run_in(
        folder.path(),
        &[&words[..], &["MODEL.SeqFormer.APPLY_CLS_THRES", "0.9"]].concat(),
    ));
    assert_eq!(results("vid_short").unwrap(), expected);
    assert_ne!(results("vid_short_2").unwrap(), expected);
}

#[test]
fn a_video_alone_takes_the_model_that_is_included() {
    let folder = TempDir::new().unwrap();
    let expected = with_config(folder.path());
    let model = folder.path().join("models/everyday");
    fs::create_dir_all(&model).unwrap();
    fs::rename(tagged(folder.path()), model.join("model.safetensors")).unwrap();
    fs::write(model.join("about.txt"), "It finds five things on wheels and legs.\n").unwrap();
    fs::write(folder.path().join("models/default"), "everyday\n").unwrap();
    for weights in [&[][..], &["--weights", "everyday"]] {
        let output = run_in(folder.path(), &[&["predict"], weights, &[video().as_str()]].concat());
        done(&output);
        let said = text(&output.stderr);
        let default = "no --weights: using the model everyday. It finds five things on wheels and legs. docs/weights.md";
        assert_eq!(said.contains(default), weights.is_empty(), "{said}");
    }
    for name in ["vid_short", "vid_short_2"] {
        let results = folder.path().join("output/predict").join(name).join("results.json");
        assert_eq!(fs::read(results).unwrap(), expected);
    }
    // A configuration has weights of its own.
    let config = golden("tiny_config.yaml");
    let failed = run_in(folder.path(), &["predict", "--config-file", &config, &video()]);
    let said = text(&failed.stderr);
    assert!(said.contains("d2_seqformer_pretrain_r50.pth: expected a file with weights"), "{said}");
    let listed = done(&run_in(folder.path(), &["models", "list"]));
    assert!(listed.contains("everyday (used without --weights)  It finds five things"), "{listed}");
    let described = done(&run_in(folder.path(), &["models", "info", "everyday"]));
    assert!(described.contains("finds    It finds five things"), "{described}");
}

#[test]
fn the_network_of_other_weights_follows_from_their_tensors() {
    let folder = TempDir::new().unwrap();
    let expected = with_config(folder.path());
    let (weights, video, classes) =
        (golden("tiny_model.pth"), video(), display(&classes(folder.path())));
    let words = ["predict", "--weights", &weights, "--classes", &classes, "--output", "without"];
    let size = ["--no-overlay", video.as_str(), "INPUT.MIN_SIZE_TEST", "50"];
    let output = run_in(folder.path(), &[&words[..], &size].concat());
    done(&output);
    let said = text(&output.stderr);
    assert!(said.contains("from the shapes of its tensors; shorter side 360"), "{said}");
    assert_eq!(fs::read(folder.path().join("without/results.json")).unwrap(), expected);
}

#[test]
fn eval_and_bench_take_the_network_from_the_weights_too() {
    let folder = TempDir::new().unwrap();
    let weights = display(&tagged(folder.path()));
    let annotations = format!("['{}']", golden("tiny_video/instances.json"));
    let pairs = ["MODEL.WEIGHTS", &weights, "DATASETS.TEST", &annotations, "OUTPUT_DIR", "run"];
    let evaluated = run_in(folder.path(), &[&["eval", "--device", "cpu"], &pairs[..]].concat());
    assert!(done(&evaluated).contains("run/inference/results.json"));
    let log = fs::read_to_string(folder.path().join("run/log.txt")).unwrap();
    assert!(log.contains("args.config_file=none:\nResNet-50, 2 + 3 layers"), "{log}");
    let size = ["--frames", "2", "--size", "64x48", "--runs", "1", "--model-only", "--json", "-"];
    let measured = run_in(folder.path(), &[&["bench", "--weights", &weights], &size[..]].concat());
    done(&measured);
    assert!(text(&measured.stderr).contains("ResNet-50, 2 + 3 layers"));
    let training = run_in(folder.path(), &["train", "MODEL.WEIGHTS", &weights]);
    assert!(text(&training.stderr).contains("a training needs a configuration"));
}

#[test]
fn weights_that_are_missing_or_of_no_seqformer_are_explained() {
    let folder = TempDir::new().unwrap();
    let mut state = read(Path::new(&golden("tiny_model.pth"))).unwrap();
    let one = state.remove("detr.detr.query_embed.weight").unwrap();
    write_safetensors(&folder.path().join("cut.safetensors"), &state).unwrap();
    let mut other = StateDict::new();
    other.insert("embed.weight", one);
    write_safetensors(&folder.path().join("other.safetensors"), &other).unwrap();
    let cases: [(&[&str], &[&str]); 5] = [
        (&[], &["no weights: give --weights MODEL", "docs/weights.md"]),
        (
            &["--weights", "none.pth"],
            &["none.pth: expected a file with weights", "docs/weights.md"],
        ),
        (&["--weights", "."], &["expected a file with weights, found a folder"]),
        (&["--weights", "cut.safetensors"], &["cut.safetensors: tensor", "query_embed.weight"]),
        (
            &["--weights", "other.safetensors"],
            &["expected weights of a whole SeqFormer", "--config-file"],
        ),
    ];
    for (words, parts) in cases {
        let video = video();
        let words = [&["predict"], words, &[video.as_str()]].concat();
        let failed = run_in(folder.path(), &words);
        let said = text(&failed.stderr);
        assert_eq!(failed.status.code(), Some(1), "{said}");
        for part in parts {
            assert!(said.contains(part), "{part}: {said}");
        }
        // Nothing is made for a run that cannot begin.
        assert!(!folder.path().join("output").exists(), "{words:?}");
    }
}

#[test]
fn a_contact_sheet_is_a_picture_of_its_own() {
    let folder = TempDir::new().unwrap();
    let (weights, video) = (display(&tagged(folder.path())), video());
    let words = ["predict", "--weights", &weights, "--contact-sheet", "--output", "found"];
    let drawn = |more: &[&str]| {
        let output = run_in(folder.path(), &[&words[..], more, &[video.as_str()]].concat());
        done(&output);
        text(&output.stderr)
    };
    drawn(&[]);
    let sheet =
        seqformer_data::read_image(&folder.path().join("found/vid_short.sheet.jpg")).unwrap();
    let frame =
        seqformer_data::read_image(&folder.path().join("found/vid_short/overlay_00000.jpg"));
    let (sheet, frame) = (sheet.image.size, frame.unwrap().image.size);
    assert!(sheet.width > 2 * frame.width.min(480), "{sheet:?} {frame:?}");
    // Random weights find the same in many tracks; results keep them all.
    let results = fs::read(folder.path().join("found/results.json")).unwrap();
    let said = drawn(&["--overlay-threshold", "0", "--overlay-max-overlap", "0"]);
    assert!(said.contains("are not drawn, because better ones cover them"), "{said}");
    assert_eq!(fs::read(folder.path().join("found/results.json")).unwrap(), results);
}
