use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn a_folder_has_one_run_at_a_time() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new/out");
    let lock = FolderLock::take(&folder).unwrap();
    let refused = FolderLock::take(&folder).unwrap_err().to_string();
    assert!(refused.contains("out: another run is writing to this folder"), "{refused}");
    drop(lock);
    drop(FolderLock::take(&folder).unwrap());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn many_at_once_never_hold_the_folder_together() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..300 {
                    let Ok(lock) = FolderLock::take(folder.path()) else { continue };
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    taken.fetch_add(1, Ordering::SeqCst);
                    assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                    drop(lock);
                }
            });
        }
    });
    assert!(taken.load(Ordering::SeqCst) > 0);
}

#[test]
fn taking_a_folder_clears_up_after_killed_processes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".seqformer-dead"), "").unwrap();
    fs::write(folder.path().join(".lock"), "").unwrap();
    drop(FolderLock::take(folder.path()).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_file_in_place_of_the_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    fs::write(&path, "").unwrap();
    let message = FolderLock::take(&path).unwrap_err().to_string();
    assert!(message.contains("out: cannot be written"), "{message}");
    assert_eq!(fs::read(&path).unwrap(), b"");
}
