use std::fs;

use super::Appender;

#[test]
fn a_missing_folder_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/a.svg");
    let error = Appender::open(&path).unwrap_err().to_string();
    assert!(error.starts_with(&path.display().to_string()), "{error}");
}

#[test]
fn records_follow_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    fs::write(&path, "one\n").unwrap();
    let mut file = Appender::open(&path).unwrap();
    file.append(b"two\n").unwrap();
    file.append(b"three\n").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
    assert!(Appender::create_new(&path).is_err());
}

#[test]
fn what_a_failed_write_left_is_cut_off_before_the_next_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    let mut file = Appender::open(&path).unwrap();
    file.append(b"one\n").unwrap();
    fs::write(&path, "one\ntw").unwrap();
    file.torn = true;
    file.append(b"three\n").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\nthree\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error_that_names_the_file() {
    let mut file = Appender::open(std::path::Path::new("/dev/full")).unwrap();
    let error = file.append(b"one\n").unwrap_err().to_string();
    assert!(error.starts_with("/dev/full: cannot be written"), "{error}");
}
