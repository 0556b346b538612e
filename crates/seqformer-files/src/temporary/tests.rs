use std::fs;
use std::io::Read as _;

use super::*;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    replace(path, |file| file.write_all(text.as_bytes()))
}

#[test]
fn replacing_leaves_the_new_content_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    write(&path, "old and long").unwrap();
    write(&path, "new").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(names(folder.path()), ["a.txt"]);
}

#[test]
fn a_failure_leaves_the_old_file_and_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    write(&path, "old").unwrap();
    let failed = replace(&path, |file| {
        file.write_all(b"half")?;
        Err(io::Error::other("no more"))
    });
    assert_eq!(failed.unwrap_err().to_string(), "no more");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(names(folder.path()), ["a.txt"]);
    assert!(write(&folder.path().join("no/a.txt"), "x").is_err());
}

#[test]
#[cfg(unix)]
fn permissions_are_those_of_any_new_file_or_of_the_earlier_one() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (plain, path) = (folder.path().join("plain"), folder.path().join("a.txt"));
    fs::write(&plain, "").unwrap();
    write(&path, "1").unwrap();
    assert_eq!(mode(&path), mode(&plain));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    write(&path, "2").unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
#[cfg(unix)]
fn a_link_is_followed_and_stays_a_link() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("real")).unwrap();
    let link = folder.path().join("a.txt");
    std::os::unix::fs::symlink("real/b.txt", &link).unwrap();
    for text in ["first", "second"] {
        write(&link, text).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("real/b.txt")).unwrap(), text);
        assert!(link.is_symlink());
    }
    assert_eq!(names(&folder.path().join("real")), ["b.txt"]);
}

#[test]
#[cfg(target_os = "linux")]
fn devices_are_written_to_and_never_replaced() {
    assert!(write(Path::new("/dev/full"), "x").is_err());
    write(Path::new("/dev/null"), "x").unwrap();
    let found = fs::metadata("/dev/null").unwrap();
    assert!(!found.is_file());
}

#[test]
fn what_killed_processes_left_is_removed_and_what_is_being_written_stays() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str| folder.path().join(name);
    fs::write(of(".seqformer-dead.mp4"), "half").unwrap();
    fs::create_dir(of(".seqformer-gone")).unwrap();
    fs::write(of(".seqformer-gone/1.jpg"), "").unwrap();
    fs::write(of(".other"), "").unwrap();
    let mut file = TemporaryFile::beside(&of("a.mp4"), ".mp4").unwrap();
    let own = TemporaryFolder::beside(&of("a")).unwrap();
    fs::write(own.path().join("1.jpg"), "mine").unwrap();
    assert_eq!(remove_leftovers(folder.path()).unwrap(), 2);
    file.file_mut().write_all(b"whole").unwrap();
    file.persist(&of("a.mp4")).unwrap();
    fs::rename(own.path(), of("a")).unwrap();
    own.keep();
    assert_eq!(names(folder.path()), [".other", "a", "a.mp4"]);
    let mut text = String::new();
    File::open(of("a/1.jpg")).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "mine");
    assert_eq!(remove_leftovers(&of("nowhere")).unwrap(), 0);
}

#[test]
fn what_is_dropped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    drop(TemporaryFile::beside(&path, ".tmp").unwrap());
    TemporaryFolder::beside(&path).unwrap().close().unwrap();
    drop(TemporaryFolder::beside(&path).unwrap());
    assert_eq!(names(folder.path()), Vec::<String>::new());
}
