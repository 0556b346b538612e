//! In a process of its own, since all temporary files of the process are removed.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::io::Write as _;

use seqformer_files::{TemporaryFile, TemporaryFolder, remove_own};

#[test]
fn what_has_no_final_name_is_removed_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    std::fs::write(path("mine.txt"), "mine").unwrap();
    let mut done = TemporaryFile::beside(&path("done.json"), ".tmp").unwrap();
    done.file_mut().write_all(b"[1]").unwrap();
    done.persist(&path("done.json")).unwrap();
    let moved = TemporaryFolder::beside(&path("pictures")).unwrap();
    std::fs::rename(moved.path(), path("pictures")).unwrap();
    moved.keep();
    let file = TemporaryFile::beside(&path("half.json"), ".tmp").unwrap();
    let folder = TemporaryFolder::beside(&path("half")).unwrap();
    std::fs::write(folder.path().join("0.jpg"), "").unwrap();
    remove_own();
    let mut names: Vec<_> =
        std::fs::read_dir(root.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["done.json", "mine.txt", "pictures"]);
    assert!(file.persist(&path("half.json")).is_err() && folder.close().is_err());
    assert!(!path("half.json").exists());
}
