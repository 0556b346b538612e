use std::fs;
use std::path::{Path, PathBuf};

use seqformer_checkpoint::{Array, Provenance, StateDict, read, write_safetensors};

use super::*;
use crate::Architecture;
use crate::push_folder::{About, push_folder, write_card};

fn golden() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/public")).to_path_buf()
}

/// The folder of a training: the small model of the golden files with five classes, and two validations.
fn run_folder(folder: &Path) -> PathBuf {
    let run = folder.join("street");
    fs::create_dir(&run).unwrap();
    fs::copy(golden().join("tiny_config.yaml"), run.join("config.yaml")).unwrap();
    let mut state = read(&golden().join("tiny_model.pth")).unwrap();
    let classes = ["car", "bus", "tram", "bike: \"fast\"", "dog"].map(str::to_owned).to_vec();
    let config = fs::read_to_string(run.join("config.yaml")).unwrap();
    Provenance { config: Some(config), classes, hash: None }.write_to(&mut state);
    // The content counts, not the ending.
    write_safetensors(&run.join("model_final.pth"), &state).unwrap();
    let metrics = "{\"iteration\": 19, \"total_loss\": 9.5}\n\
                   {\"iteration\": 99, \"segm/AP\": 41.25, \"segm/AP50\": 60.0, \"segm/APs\": NaN}\n\
                   {\"iteration\": 199, \"segm/AP\": 40.5, \"segm/AP50\": 61.0, \"segm/APs\": NaN}\n";
    fs::write(run.join("metrics.json"), metrics).unwrap();
    run
}

fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_card_says_what_the_folder_of_the_training_says() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_folder(folder.path());
    let about = About { licence: Some("cc-by-4.0".to_owned()), ..About::default() };
    let path = write_card(&run, &about).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with("---\nlicense: cc-by-4.0\n# seqformer:begin\nlibrary_name: seqformer\n"),
        "{text}"
    );
    contains(
        &text,
        &[
            "# street\n",
            "ResNet-50, 2 + 3 layers of 64 channels",
            "car, bus, tram, bike: \"fast\", dog",
            "- Data: ytvis_2019_train\n",
            "- Started from: weights/d2_seqformer_pretrain_r50.pth",
            "12000 iterations of 16 clips",
            "after 200 iterations",
            "| AP | AP50 |\n| --- | --- |\n| 40.5 | 61.0 |",
            "      value: 40.5\n",
            "## Intended use and limits",
        ],
    );
    assert!(!text.contains("APs"), "a number that is none is not shown: {text}");
    // The best checkpoint has the best validation.
    fs::copy(run.join("model_final.pth"), run.join("model_best.pth")).unwrap();
    write_card(&run, &About::default()).unwrap();
    let again = fs::read_to_string(&path).unwrap();
    contains(&again, &["license: cc-by-4.0", "after 100 iterations", "| 41.2 | 60.0 |"]);
}

#[test]
fn what_people_write_stays() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_folder(folder.path());
    let path = write_card(&run, &About::default()).unwrap();
    let first = fs::read_to_string(&path).unwrap();
    write_card(&run, &About::default()).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), first, "a second time changes nothing");
    let edited = first
        .replace("license: other\n", "license: mit\ntags: [mine]\n")
        .replace("# street\n", "# Our street\n\nFilmed in May.\n")
        .replace("| 40.5 | 61.0 |", "| 99.9 | 99.9 |")
        .replace("to be written by its authors.", "only for trams.");
    fs::write(&path, edited).unwrap();
    write_card(&run, &About::default()).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    contains(
        &text,
        &[
            "license: mit",
            "tags: [mine]",
            "# Our street\n\nFilmed in May.",
            "only for trams.",
            "| 40.5 | 61.0 |",
        ],
    );
    assert_eq!(text.matches("\ntags:").count(), 1, "YAML has each key once: {text}");
    assert_eq!(text.matches("seqformer:begin").count(), first.matches("seqformer:begin").count());

    // A card that only people have written keeps every line, with and without a front matter.
    for (theirs, beginning) in [
        ("---\nlicense: mit\n---\n# Mine\n\nText.", "---\nlicense: mit\n# seqformer:begin\n"),
        ("# Mine\n\nText.", "---\nlicense: other\n# seqformer:begin\n"),
        ("---\r\nlicense: mit\r\n---\r\n# Mine\r\n\r\nText.\r\n", "---\nlicense: mit\n"),
    ] {
        fs::write(&path, theirs).unwrap();
        write_card(&run, &About::default()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(beginning), "{text}");
        contains(&text, &["---\n# Mine\n\nText.\n\n<!-- seqformer:begin model -->\n"]);
        assert!(!text.contains("use and limits"), "{text}");
    }
    fs::write(&path, first.replace("<!-- seqformer:end metrics -->\n", "")).unwrap();
    let error = write_card(&run, &About::default()).unwrap_err().to_string();
    contains(&error, &["<!-- seqformer:begin metrics -->", "<!-- seqformer:end metrics -->"]);
    assert!(
        fs::read_to_string(&path).unwrap().contains("| 40.5 | 61.0 |"),
        "and it stays as it was"
    );
}

#[test]
fn a_folder_for_the_hub_is_whole_and_loads_again() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_folder(folder.path());
    let to = folder.path().join("upload");
    let about = About { name: Some("trams".to_owned()), licence: None };
    push_folder(&run, &to, &about).unwrap();
    let mut names: Vec<_> =
        fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["README.md", "config.json", "config.yaml", "model.safetensors"]);
    let card = fs::read_to_string(to.join("README.md")).unwrap();
    contains(&card, &["# trams\n", "--weights trams"]);
    let config: serde_json::Value =
        serde_json::from_slice(&fs::read(to.join("config.json")).unwrap()).unwrap();
    assert_eq!(config["id2label"]["3"], "bike: \"fast\"");
    assert_eq!((&config["input"]["format"], &config["num_labels"]), (&"RGB".into(), &5.into()));
    assert_eq!(config["settings"]["MODEL.SeqFormer.HIDDEN_DIM"], "64");
    // The weights are those of the training, with their classes and their configuration.
    let (before, after) =
        (read(&run.join("model_final.pth")).unwrap(), read(&to.join("model.safetensors")).unwrap());
    assert_eq!(after.arrays, before.arrays);
    assert_eq!(Provenance::of(&after).classes[0], "car");
    let again = Facts::read(&to.join("model.safetensors")).unwrap();
    assert_eq!(again.name, "upload", "every folder has a file of this name");
    assert_eq!(again.config().unwrap().dump(), fs::read_to_string(to.join("config.yaml")).unwrap());
    let error = push_folder(&run, &to, &about).unwrap_err().to_string();
    contains(&error, &["upload: already there", "--output"]);
    let error = push_folder(&run, &run, &about).unwrap_err().to_string();
    contains(&error, &["this output is the input"]);
}

#[test]
fn weights_alone_give_a_configuration_from_their_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("r50.safetensors");
    let network = Facts::read(&golden().join("tiny_model.pth")).unwrap().network;
    // Names of the original repository, whose heads have a row at each end that is not used.
    let network = Architecture { class_rows: 42, num_classes: 42, ..network };
    let array =
        |shape: &Vec<usize>| Array::from_f32(shape, &vec![0.5; shape.iter().product()]).unwrap();
    let vnext: StateDict =
        network.shapes().iter().map(|(name, shape)| (name.clone(), array(shape))).collect();
    let state = seqformer_checkpoint::key_map::to_original(&vnext).state;
    write_safetensors(&from, &state).unwrap();
    let to = folder.path().join("upload");
    let facts = push_folder(&from, &to, &About::default()).unwrap();
    assert_eq!((facts.name.as_str(), facts.network.class_rows), ("r50", 40));
    let config = fs::read_to_string(to.join("config.yaml")).unwrap();
    contains(&config, &["NUM_CLASSES: 40", "HIDDEN_DIM: 64", "WIDTH_PER_GROUP: 4"]);
    let card = fs::read_to_string(to.join("README.md")).unwrap();
    contains(&card, &["- Assumed: 8 heads of 4 points", "their names are not in the weights"]);
    assert!(!card.contains("## Training") && !card.contains("## Metrics"), "{card}");
}

#[test]
fn what_is_no_model_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("upload");
    let backbone =
        golden().join("../../../crates/seqformer-checkpoint/tests/fixtures/dialect_msra.pkl");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let broken = folder.path().join("nan.safetensors");
    let mut state = read(&golden().join("tiny_model.pth")).unwrap();
    state.insert("detr.detr.class_embed.0.bias", Array::from_f32(&[5], &[f32::NAN; 5]).unwrap());
    write_safetensors(&broken, &state).unwrap();
    let cases = [
        (backbone, "expected weights of a whole SeqFormer, found those of Caffe2"),
        (empty, "no checkpoint; it has neither model_best.pth"),
        (broken, "weights that are not finite numbers: \"detr.detr.class_embed.0.bias\""),
        (folder.path().join("none.pth"), "no such file"),
    ];
    for (from, expected) in cases {
        let error = push_folder(&from, &to, &About::default()).unwrap_err().to_string();
        contains(&error, &[expected]);
        assert!(!to.exists(), "{error}");
    }
    let error = write_card(&golden().join("tiny_model.pth"), &About::default()).unwrap_err();
    contains(&error.to_string(), &["expected the folder of a training"]);
}
