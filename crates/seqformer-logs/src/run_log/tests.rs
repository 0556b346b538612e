use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::RunLog;

/// A disk with room for so many bytes.
#[derive(Clone, Default)]
struct Disk {
    content: Arc<Mutex<Vec<u8>>>,
    room: Arc<AtomicUsize>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.room.load(Ordering::SeqCst);
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(room);
        self.room.store(room - taken, Ordering::SeqCst);
        self.content.lock().unwrap().extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_said_once_and_lost_lines_are_counted() {
    let disk = Disk::default();
    let reports = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&reports);
    let log = RunLog::with_writer(
        Path::new("log.txt"),
        Box::new(disk.clone()),
        Box::new(move |error| seen.lock().unwrap().push(error.to_string())),
    );
    disk.room.store(7, Ordering::SeqCst);
    for line in ["one\n", "second\n", "third\n"] {
        (&log).write_all(line.as_bytes()).unwrap();
    }
    disk.room.store(1000, Ordering::SeqCst);
    log.write_line(b"four\n");
    let content = String::from_utf8(disk.content.lock().unwrap().clone()).unwrap();
    assert_eq!(content, "one\nsec\n[lines that could not be written here: 2]\nfour\n");
    let reports = reports.lock().unwrap();
    assert_eq!(reports.len(), 1);
    assert!(reports[0].starts_with("log.txt: cannot be written"), "{}", reports[0]);
}

#[test]
fn a_subscriber_writes_its_lines_into_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.txt");
    for run in 0..2 {
        let log = Arc::new(RunLog::open(&path, |error| panic!("{error}")).unwrap());
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(log).finish();
        tracing::subscriber::with_default(subscriber, || tracing::info!("run {run}"));
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let ends: Vec<_> = text.lines().map(|line| line.rsplit(": ").next().unwrap()).collect();
    assert_eq!(ends, ["run 0", "run 1"]);
}

#[test]
fn a_log_that_cannot_be_opened_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = RunLog::open(folder.path(), |_| {}).unwrap_err().to_string();
    assert!(error.starts_with(&folder.path().display().to_string()), "{error}");
}
