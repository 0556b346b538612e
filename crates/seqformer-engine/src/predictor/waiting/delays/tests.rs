use std::fs;

use super::*;

fn write(tasks: &Path, id: &str, name: &str, waited_ms: u64) {
    fs::create_dir_all(tasks.join(id)).unwrap();
    fs::write(tasks.join(id).join("comm"), format!("{name}\n")).unwrap();
    let text = format!("123456 {} 7\n", waited_ms * 1_000_000);
    fs::write(tasks.join(id).join("schedstat"), text).unwrap();
}

#[test]
fn what_threads_of_the_name_have_waited_since_the_last_look_is_added_up() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = folder.path().to_path_buf();
    let mut delays =
        Delays { tasks: tasks.clone(), name: "compute\n".to_owned(), waited: BTreeMap::new() };
    write(&tasks, "1", "compute", 1000);
    write(&tasks, "2", "loader", 5000);
    assert_eq!(delays.since_last(), Some(Duration::ZERO), "what was before does not count");
    write(&tasks, "1", "compute", 1030);
    write(&tasks, "2", "loader", 9000);
    write(&tasks, "3", "compute", 400);
    assert_eq!(delays.since_last(), Some(Duration::from_millis(30)));
    write(&tasks, "1", "compute", 1040);
    write(&tasks, "3", "compute", 405);
    assert_eq!(delays.since_last(), Some(Duration::from_millis(15)));
    assert_eq!(delays.num_threads(), 3);
    // One that has ended, and whose number another one gets.
    fs::remove_dir_all(tasks.join("3")).unwrap();
    assert_eq!(delays.since_last(), Some(Duration::ZERO));
    write(&tasks, "3", "compute", 800);
    assert_eq!(delays.since_last(), Some(Duration::ZERO));
    fs::remove_dir_all(&tasks).unwrap();
    assert_eq!(delays.since_last(), None);
}

#[cfg(target_os = "linux")]
#[test]
fn the_system_tells_of_the_calling_thread() {
    let mut delays = Delays::of_this_thread().unwrap();
    assert!(delays.num_threads() >= 1);
    assert!(delays.since_last().is_some());
}
