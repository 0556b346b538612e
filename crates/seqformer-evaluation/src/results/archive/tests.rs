use std::fs::{self, File};
use std::io::Read as _;

use super::write_archive;

#[test]
fn the_archive_holds_the_results_at_its_root() {
    let folder = tempfile::tempdir().unwrap();
    let [results, first, second] =
        ["anything.json", "first.zip", "second.zip"].map(|name| folder.path().join(name));
    let text = "[{\"video_id\": 1}]".repeat(1000);
    fs::write(&results, &text).unwrap();
    write_archive(&results, &first).unwrap();
    write_archive(&results, &second).unwrap();
    let mut archive = zip::ZipArchive::new(File::open(&first).unwrap()).unwrap();
    assert_eq!(archive.len(), 1);
    let mut entry = archive.by_name("results.json").unwrap();
    assert!(entry.compressed_size() < entry.size() / 10, "it is not compressed");
    let mut unpacked = String::new();
    entry.read_to_string(&mut unpacked).unwrap();
    assert!(unpacked == text);
    assert!(fs::read(first).unwrap() == fs::read(second).unwrap(), "two archives differ");
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("results.zip");
    let message = write_archive(&folder.path().join("none.json"), &archive).unwrap_err();
    assert!(message.to_string().contains("none.json: cannot be read"), "{message}");
    assert!(!archive.exists());
}
