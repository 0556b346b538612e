//! How long threads wait for a core, as measured by Linux.
//!
//! Source: the Linux kernel, `Documentation/scheduler/sched-stats.rst`, `/proc/<pid>/schedstat`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The threads of one name: a thread inherits the name of its creator, unless it gets another.
#[derive(Debug)]
pub(super) struct Delays {
    tasks: PathBuf,
    name: String,
    /// How long each thread has waited so far; `None` for one of another name.
    waited: BTreeMap<String, Option<Duration>>,
}

impl Delays {
    /// The threads with the name of the calling thread; `None` if the system does not report
    /// delays.
    pub(super) fn of_this_thread() -> Option<Self> {
        let name = std::fs::read_to_string("/proc/thread-self/comm").ok()?;
        waited(Path::new("/proc/thread-self"))?;
        let tasks = PathBuf::from("/proc/self/task");
        let mut delays = Self { tasks, name, waited: BTreeMap::new() };
        delays.since_last()?;
        Some(delays)
    }

    /// The number of threads of this process, whatever their names.
    pub(super) fn num_threads(&self) -> usize {
        self.waited.len()
    }

    /// How long all of them together have waited since the last call.
    pub(super) fn since_last(&mut self) -> Option<Duration> {
        let mut now = BTreeMap::new();
        let mut total = Duration::ZERO;
        for entry in std::fs::read_dir(&self.tasks).ok()?.flatten() {
            let Ok(id) = entry.file_name().into_string() else { continue };
            let before = self.waited.get(&id).copied();
            if before == Some(None) || (before.is_none() && !self.has_name(&entry.path())) {
                now.insert(id, None);
                continue;
            }
            // It may have ended just now.
            let Some(waited) = waited(&entry.path()) else { continue };
            if let Some(Some(before)) = before {
                total += waited.saturating_sub(before);
            }
            now.insert(id, Some(waited));
        }
        self.waited = now;
        Some(total)
    }

    fn has_name(&self, task: &Path) -> bool {
        std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name == self.name)
    }
}

/// How long a thread was runnable without a core.
fn waited(task: &Path) -> Option<Duration> {
    let text = std::fs::read_to_string(task.join("schedstat")).ok()?;
    text.split_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
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
}
