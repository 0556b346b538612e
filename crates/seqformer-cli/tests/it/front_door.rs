//! What users of the original program type: its commands, files, folders and overrides.

use std::fs;
use std::path::Path;
use std::process::Output;

use seqformer_checkpoint::{StateDict, Value, read, read_tree, write_safetensors};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::{command, display, golden, seqformer, text, write_config};

/// Makes a synthetic dataset in official folders below `folder`.
fn synthesize(folder: &Path, layout: &str, videos: &str) {
    let output = display(folder);
    let done = seqformer(&[
        "synth",
        "--output",
        &output,
        "--layout",
        layout,
        "--videos",
        videos,
        "--val-videos",
        "2",
        "--size",
        "96x64",
        "--frames",
        "3..4",
        "--classes",
        "3",
        "--seed",
        "3",
    ]);
    assert!(done.status.success(), "{}", text(&done.stderr));
}

/// Runs in `folder`, where `datasets` is.
fn run_in(folder: &Path, words: &[&str]) -> Output {
    let done = command(words).current_dir(folder).env_remove("DETECTRON2_DATASETS").output();
    done.expect("the program starts")
}

#[test]
fn the_three_commands_of_the_original_readme_end_with_checkpoints_results_and_ap() {
    let folder = TempDir::new().unwrap();
    synthesize(&folder.path().join("datasets"), "ytvis_2019", "5");
    let names = "  TRAIN: ('ytvis_2019_train',)\n  TEST: ('ytvis_2019_val',)";
    write_config(folder.path(), names, "");
    let common = ["--config-file", "projects/SeqFormer/configs/XXX.yaml", "--num-gpus", "8"];
    let clips = [
        "--eval-only",
        "MODEL.SeqFormer.CLIP_MATCHING",
        "True",
        "MODEL.SeqFormer.CLIP_LENGTH",
        "3",
        "MODEL.SeqFormer.CLIP_STRIDE",
        "1",
    ];
    for rest in [&[][..], &["--eval-only"], &clips] {
        let done = run_in(folder.path(), &[&common[..], rest].concat());
        let (printed, said) = (text(&done.stdout), text(&done.stderr));
        assert!(done.status.success(), "{said}");
        assert!(printed.contains("Average Precision  (AP) @[ IoU=0.50:0.95"), "{printed}");
        // A batch has four clips, for four processes.
        assert!(said.contains("--num-gpus 8: 4 processes") == rest.is_empty(), "{said}");
        let output = folder.path().join("SeqFormer_YTVIS19");
        for name in ["model_0000001.pth", "model_final.pth", "last_checkpoint", "config.yaml"] {
            assert!(output.join(name).is_file(), "{name}");
        }
        let results = fs::read_to_string(output.join("inference/results.json")).unwrap();
        let results: Vec<Json> = serde_json::from_str(&results).unwrap();
        assert!(results.iter().all(|result| result["video_id"].as_u64().is_some_and(|id| id <= 2)));
        assert!(output.join("inference/results.zip").is_file());
        fs::remove_dir_all(output.join("inference")).unwrap();
    }
}

#[test]
fn a_dataset_of_the_user_needs_its_file_and_its_type_alone() {
    let folder = TempDir::new().unwrap();
    synthesize(&folder.path().join("data"), "ytvis_2019", "3");
    let data = folder.path().join("data/ytvis_2019");
    let (train, val) = (
        data.join("annotations/instances_train_sub.json"),
        data.join("annotations/instances_val_sub.json"),
    );
    let entry = |name: &str, json: &Path, split: &str| {
        let frames = data.join(split).join("JPEGImages");
        format!(
            "    {name}:\n      json: {}\n      image_root: {}\n      type: ytvis\n",
            display(json),
            display(&frames)
        )
    };
    let declared = format!(
        "  TRAIN: [mine]\n  TEST: [mine_val]\n  CUSTOM:\n{}{}",
        entry("mine", &train, "train"),
        entry("mine_val", &val, "val")
    );
    let path = write_config(folder.path(), &declared, "");
    // The number of classes follows from the file.
    let config = fs::read_to_string(&path).unwrap().replace("  SeqFormer: {NUM_CLASSES: 40}\n", "");
    let base = fs::read_to_string(golden("tiny_config.yaml")).unwrap();
    let base: Vec<&str> = base.lines().filter(|line| !line.contains("NUM_CLASSES")).collect();
    let base_path = folder.path().join("base.yaml");
    fs::write(&base_path, base.join("\n")).unwrap();
    fs::write(&path, config.replace(&golden("tiny_config.yaml"), &display(&base_path))).unwrap();
    let done = run_in(folder.path(), &["train", "--config-file", &display(&path)]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("mine_val:"), "{}", text(&done.stdout));
    let config = fs::read_to_string(folder.path().join("SeqFormer_YTVIS19/config.yaml")).unwrap();
    assert!(config.contains("NUM_CLASSES: 40"), "{config}");

    let wrong = run_in(
        folder.path(),
        &["train", "--config-file", &display(&path), "MODEL.SeqFormer.NUM_CLASSES", "39"],
    );
    assert!(
        !wrong.status.success() && text(&wrong.stderr).contains("NUM_CLASSES"),
        "{}",
        text(&wrong.stderr)
    );
}

/// How many samples of each record a run has drawn cannot be seen from outside, but what it says of them can.
#[test]
fn images_and_videos_train_together_with_the_classes_of_the_videos() {
    let folder = TempDir::new().unwrap();
    synthesize(&folder.path().join("datasets"), "ytvis_2019", "3");
    synthesize(&folder.path().join("datasets"), "coco", "6");
    let subset = folder.path().join("datasets/coco/annotations/coco2ytvis2019_train.json");
    let made = run_in(
        folder.path(),
        &[
            "data",
            "coco-to-ytvis",
            "--json",
            "datasets/coco/annotations/instances_train2017.json",
            "--output",
            &display(&subset),
            "--classes",
            "ytvis_2019",
        ],
    );
    assert!(made.status.success(), "{}", text(&made.stderr));
    let names =
        "  TRAIN: ('ytvis_2019_train', 'coco2ytvis2019_train')\n  DATASET_RATIO: [0.5, 0.5]";
    let path = write_config(folder.path(), names, "");
    let path = display(&path);
    let done = run_in(folder.path(), &["train", "--config-file", &path]);
    assert!(done.status.success(), "{}", text(&done.stderr));

    // The same from COCO's own file; its three classes are person, bicycle and car.
    let raw = "('ytvis_2019_train', 'coco_2017_train')";
    let done = run_in(
        folder.path(),
        &["train", "--config-file", &path, "DATASETS.TRAIN", raw, "OUTPUT_DIR", "raw"],
    );
    let said = text(&done.stderr);
    assert!(
        done.status.success()
            && said.contains("coco_2017_train")
            && said.contains("of its 80 classes"),
        "{said}"
    );

    let wrong = [
        (vec!["DATASETS.DATASET_RATIO", "[1.0]"], "DATASETS.DATASET_RATIO"),
        (vec!["INPUT.COCO_PRETRAIN", "True"], "ytvis_2019_train"),
        (
            vec!["DATASETS.TRAIN", "('coco2ytvis2019_train',)", "DATASETS.DATASET_RATIO", "[]"],
            "INPUT.COCO_PRETRAIN",
        ),
        (
            vec!["DATASETS.TRAIN", raw, "DATASETS.CATEGORY_MAP", "[[1, 77]]"],
            "DATASETS.CATEGORY_MAP",
        ),
    ];
    for (pairs, expected) in wrong {
        let done = run_in(
            folder.path(),
            &[&["train", "--config-file", path.as_str()], &pairs[..]].concat(),
        );
        let said = text(&done.stderr);
        assert!(!done.status.success() && said.contains(expected), "{said}");
    }
    let pretraining = [
        "train",
        "--config-file",
        &path,
        "DATASETS.TRAIN",
        "('coco_2017_train',)",
        "DATASETS.DATASET_RATIO",
        "[]",
        "INPUT.COCO_PRETRAIN",
        "True",
        "INPUT.PRETRAIN_SAME_CROP",
        "True",
        "MODEL.SeqFormer.NUM_CLASSES",
        "80",
        "DATASETS.TEST",
        "('coco_2017_val',)",
        "OUTPUT_DIR",
        "pretrained",
    ];
    let done = run_in(folder.path(), &pretraining);
    assert!(done.status.success(), "{}", text(&done.stderr));
    // A detector of images is scored by its masks and its boxes.
    let printed = text(&done.stdout);
    assert!(printed.contains("coco_2017_val, boxes:"), "{printed}");
    let results = folder.path().join("pretrained/inference/coco_instances_results.json");
    let results: Vec<Json> = serde_json::from_str(&fs::read_to_string(results).unwrap()).unwrap();
    assert!(results.iter().all(|result| result["bbox"].as_array().is_some_and(|b| b.len() == 4)));
    let weights = ["MODEL.WEIGHTS", "pretrained/model_final.pth"];
    let evaluated = run_in(folder.path(), &[&["eval"], &pretraining[1..], &weights].concat());
    let printed = text(&evaluated.stdout);
    assert!(evaluated.status.success(), "{}", text(&evaluated.stderr));
    assert!(printed.matches("IoU=0.50:0.95 | area=   all | maxDets=100").count() == 4, "{printed}");
}

/// A model of single images has no weights of frames, and the classes of other data.
#[test]
fn weights_of_single_images_start_a_training_on_videos_and_what_is_missing_is_said() {
    const OF_FRAMES: &str = "time_attention_weights";
    const CLASSES: &str = "detr.detr.class_embed.0.bias";
    const QUERIES: &str = "detr.detr.query_embed.weight";
    let folder = TempDir::new().unwrap();
    synthesize(&folder.path().join("datasets"), "ytvis_2019", "3");
    let state = read(Path::new(&golden("tiny_model.pth"))).unwrap();
    let kept: Vec<_> = state.iter().filter(|(name, _)| !name.contains(OF_FRAMES)).collect();
    assert!(kept.len() < state.len());
    let mut single = StateDict::new();
    for (name, array) in kept {
        single.insert(name.clone(), array.clone());
    }
    let weights = folder.path().join("single.safetensors");
    write_safetensors(&weights, &single).unwrap();
    let names = "  TRAIN: ('ytvis_2019_train',)";
    let path = write_config(folder.path(), names, "");
    let done = run_in(
        folder.path(),
        &[
            "train",
            "--config-file",
            &display(&path),
            "MODEL.WEIGHTS",
            &display(&weights),
            "SOLVER.BASE_LR",
            "1e-30",
        ],
    );
    let said = text(&done.stderr);
    assert!(done.status.success(), "{said}");
    assert!(said.contains(OF_FRAMES) && said.contains("class_embed"), "{said}");
    let tree = read_tree(&folder.path().join("SeqFormer_YTVIS19/model_final.pth")).unwrap();
    let model = tree.get("model").unwrap();
    let tensor = |name: &str| model.get(name).and_then(Value::as_tensor).unwrap().to_f32_vec();
    assert_eq!(tensor(QUERIES), single.get(QUERIES).unwrap().to_f32_vec());
    // The rule of class heads: every class has a probability of one in a hundred.
    assert!(tensor(CLASSES).iter().all(|bias| (bias + 99.0_f32.ln()).abs() < 1e-5));
    let frames: Vec<_> =
        state.iter().map(|(name, _)| name).filter(|name| name.contains(OF_FRAMES)).collect();
    for name in frames.iter().filter(|name| name.ends_with("weight")) {
        let values = tensor(name);
        let bound = (6.0 / (values.len() as f32 + 1.0)).sqrt();
        assert!(
            values.iter().all(|value| value.abs() <= bound)
                && values.iter().any(|value| *value != 0.0),
            "{name}"
        );
    }
}
