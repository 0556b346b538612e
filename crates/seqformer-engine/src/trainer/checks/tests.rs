use std::path::Path;

use seqformer_config::{CfgNode, Config};
use seqformer_training_data::training_data;

use super::*;

/// A file of YouTube-VIS with one video of `instances` instances for each number.
fn write(path: &Path, categories: &[&str], instances: &[usize]) {
    let categories: Vec<String> = categories
        .iter()
        .enumerate()
        .map(|(index, name)| format!(r#"{{"id": {}, "name": "{name}"}}"#, index + 1))
        .collect();
    let (mut videos, mut annotations) = (Vec::new(), Vec::new());
    for (video, count) in instances.iter().enumerate() {
        let id = video + 1;
        videos.push(format!(
            r#"{{"id": {id}, "width": 4, "height": 4, "length": 1, "file_names": ["{id}/0.png"]}}"#
        ));
        for _ in 0..*count {
            annotations.push(format!(
                r#"{{"id": {}, "video_id": {id}, "category_id": 1, "iscrowd": 0, "width": 4, "height": 4, "length": 1,
                "segmentations": [{{"size": [4, 4], "counts": [0, 4, 12]}}], "bboxes": [[0, 0, 1, 4]], "areas": [4]}}"#,
                annotations.len() + 1
            ));
        }
    }
    let text = format!(
        r#"{{"videos": [{}], "categories": [{}], "annotations": [{}]}}"#,
        videos.join(","),
        categories.join(","),
        annotations.join(",")
    );
    std::fs::write(path, text).unwrap();
}

/// Warnings for a training on `train.json` and a test on `test.json` of the folder.
fn warnings_of(folder: &Path, pairs: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/base_ytvis.yaml");
    let mut node = CfgNode::defaults();
    node.merge_from_file(&recipe).unwrap();
    let file = |name: &str| format!("['{}']", folder.join(name).display());
    let mut all = vec![
        ("DATASETS.TRAIN".to_owned(), file("train.json")),
        ("DATASETS.TEST".to_owned(), file("test.json")),
        ("MODEL.SeqFormer.NUM_CLASSES".to_owned(), "2".to_owned()),
        ("SOLVER.MAX_ITER".to_owned(), "9000".to_owned()),
    ];
    all.extend(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    for (key, value) in all {
        node.merge_from_list(&[key, value]).unwrap();
    }
    let plan = TrainPlan::from_config(&Config::try_from(&node).unwrap());
    let data = training_data(&plan.data).map_err(|error| error.to_string())?;
    inspect(&plan, &data).map(|found| found.warnings).map_err(|error| error.to_string())
}

/// Says that there is one warning, and what is in it.
fn check(folder: &Path, pairs: &[(&str, &str)], expected: &[&str]) {
    let found = warnings_of(folder, pairs).unwrap();
    assert_eq!(found.len(), 1, "{found:#?}");
    for part in expected {
        assert!(found[0].contains(part), "{part}: {}", found[0]);
    }
}

#[test]
fn a_training_that_fits_its_data_is_told_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("train.json"), &["disc", "bar"], &[1, 3]);
    write(&folder.path().join("test.json"), &["disc", "bar"], &[1]);
    assert_eq!(warnings_of(folder.path(), &[]).unwrap(), Vec::<String>::new());
}

#[test]
fn what_a_schedule_never_reaches_is_said_before_the_first_step() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("train.json"), &["disc", "bar"], &[1, 3]);
    write(&folder.path().join("test.json"), &["disc", "bar"], &[1]);
    let short = [
        ("SOLVER.MAX_ITER", "30"),
        ("SOLVER.STEPS", "()"),
        ("SOLVER.WARMUP_ITERS", "200"),
        ("SOLVER.WARMUP_FACTOR", "0.001"),
    ];
    let expected = ["SOLVER.WARMUP_ITERS 200", "SOLVER.MAX_ITER 30", "2.9", "2.00e-4"];
    check(folder.path(), &short, &expected[..2]);
    check(folder.path(), &short, &expected[3..]);
    check(folder.path(), &[("SOLVER.STEPS", "(8000, 9500)")], &["STEPS [9500]", "MAX_ITER 9000"]);
    // At a factor of 1 a warm-up changes nothing.
    let flat = [&short[..], &[("SOLVER.WARMUP_FACTOR", "1.0")]].concat();
    assert_eq!(warnings_of(folder.path(), &flat).unwrap(), Vec::<String>::new());
}

#[test]
fn classes_that_no_example_is_of_are_said_with_both_numbers() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("train.json"), &["disc", "bar"], &[1]);
    write(&folder.path().join("test.json"), &["disc", "bar"], &[1]);
    let pairs = [("MODEL.SeqFormer.NUM_CLASSES", "40")];
    check(folder.path(), &pairs, &["NUM_CLASSES is 40", "has 2 categories", "last 38"]);
    let error = warnings_of(folder.path(), &[("MODEL.SeqFormer.NUM_CLASSES", "1")]).unwrap_err();
    assert!(
        error.contains("at most 1") && error.contains("MODEL.SeqFormer.NUM_CLASSES"),
        "{error}"
    );
}

#[test]
fn a_test_dataset_of_other_classes_is_named_with_the_first_that_differs() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("train.json"), &["disc", "bar"], &[1]);
    write(&folder.path().join("test.json"), &["disc", "ring"], &[1]);
    let expected = ["DATASETS.TEST", "test.json", "number 2", r#""ring" here and "bar" there"#];
    check(folder.path(), &[], &expected);
    write(&folder.path().join("test.json"), &["disc"], &[1]);
    check(folder.path(), &[], &["its 1 categories", "the 2 of", r#"nothing here and "bar" there"#]);
}

#[test]
fn videos_of_more_instances_than_queries_are_counted_and_the_fullest_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("train.json"), &["disc", "bar"], &[3, 9, 4]);
    write(&folder.path().join("test.json"), &["disc", "bar"], &[1]);
    let pairs = [("MODEL.SeqFormer.NUM_OBJECT_QUERIES", "3")];
    let expected = ["train.json: 2 of 3", "NUM_OBJECT_QUERIES 3", "the maximum, 9, is in number 2"];
    check(folder.path(), &pairs, &expected);
}

#[test]
fn a_test_file_that_cannot_be_evaluated_is_an_error_before_the_first_step() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("train.json"), &["disc", "bar"], &[1]);
    let missing = warnings_of(folder.path(), &[]).unwrap_err();
    std::fs::write(folder.path().join("test.json"), r#"{"videos": 3}"#).unwrap();
    let broken = warnings_of(folder.path(), &[]).unwrap_err();
    for error in [missing, broken] {
        assert!(error.starts_with("DATASETS.TEST ") && error.contains("test.json"), "{error}");
        assert!(error.ends_with("set DATASETS.TEST \"()\" to train without evaluation"), "{error}");
    }
}
