use std::path::Path;

use super::load_with_base;
use crate::CfgNode;

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// Writes `files`, reads the first, and gives the message of the error.
fn error_of(files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    load_with_base(&folder.path().join(files[0].0)).unwrap_err().to_string()
}

#[test]
fn later_bases_and_the_file_itself_override() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("top.yaml", "_BASE_: [sub/a.yaml, b.yaml]\nSEED: 3\nVERSION: 2\n"),
        ("sub/a.yaml", "_BASE_: ../root.yaml\nSEED: 1\nINPUT: {MIN_SIZE_TEST: 100}\n"),
        ("b.yaml", "SEED: 2\nINPUT: {MAX_SIZE_TEST: 200}\n"),
        ("root.yaml", "INPUT: {MIN_SIZE_TEST: 1, MAX_SIZE_TRAIN: 300}\n"),
    ];
    write(folder.path(), &files);
    let mut node = CfgNode::defaults();
    node.merge_from_file(&folder.path().join("top.yaml")).unwrap();
    let expected = [
        ("SEED", "3"),
        ("INPUT.MIN_SIZE_TEST", "100"),
        ("INPUT.MAX_SIZE_TEST", "200"),
        ("INPUT.MAX_SIZE_TRAIN", "300"),
    ];
    for (key, value) in expected {
        assert_eq!(node.get(key).unwrap().to_string(), value, "{key}");
    }
}

#[test]
fn wrong_bases_are_errors() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("a.yaml", "_BASE_: a.yaml")], "this file is its own _BASE_"),
        (&[("a.yaml", "_BASE_: b.yaml"), ("b.yaml", "_BASE_: ./a.yaml")], "its own _BASE_"),
        (&[("a.yaml", "_BASE_: missing.yaml")], "missing.yaml: cannot be read"),
        (&[("a.yaml", "\n_BASE_: https://x.org/b.yaml")], "a.yaml:2: _BASE_: expected a file on"),
        (&[("a.yaml", "_BASE_: 3")], "expected a file name or a list of file names, found 3"),
        (&[("a.yaml", "_BASE_: {x: y}")], "expected a file name or a list of file names"),
        (&[("a.yaml", "_BASE_: b.yaml\nA: 1"), ("b.yaml", "A: {B: 1}")], "a.yaml:2: A: expected"),
        (&[("a.yaml", "_BASE_: b.yaml\nA: {B: 1}"), ("b.yaml", "A: 1")], "a.yaml:2: A: expected"),
    ];
    for (files, expected) in cases {
        let error = error_of(files);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn many_bases_are_an_error() {
    let chain: Vec<_> =
        (0..40).map(|i| (format!("{i}.yaml"), format!("_BASE_: {}.yaml", i + 1))).collect();
    let files: Vec<_> = chain.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert!(error_of(&files).contains("too many _BASE_ files"));

    let list = format!("_BASE_: [{}]", "b.yaml, ".repeat(1000));
    assert!(
        error_of(&[("a.yaml", &list), ("b.yaml", "SEED: 1")]).contains("too many _BASE_ files")
    );
}
