use std::fs::{self, File};
use std::io::{self, Cursor, Read as _, Seek, SeekFrom, Write};

use zip::write::SimpleFileOptions;

use super::{pack, write_archive};

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

/// A disk with room for so many bytes.
struct SmallDisk {
    inner: Cursor<Vec<u8>>,
    room: usize,
}

impl Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.inner.position() as usize + bytes.len() > self.room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for SmallDisk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

#[test]
fn a_full_disk_is_an_error_wherever_it_is_met() {
    let numbers: Vec<String> =
        (0..9000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_string()).collect();
    let text = numbers.join(",");
    let attempt = |room| {
        let mut disk = SmallDisk { inner: Cursor::new(Vec::new()), room };
        let done = pack(&mut text.as_bytes(), &mut disk, SimpleFileOptions::default());
        done.map(|()| disk.inner.into_inner())
    };
    let whole = attempt(usize::MAX).unwrap();
    assert!(whole.len() > 20_000, "it fits into the buffer: {} bytes", whole.len());
    for room in (0..whole.len()).step_by(997).chain([whole.len() - 1]) {
        assert_eq!(attempt(room).unwrap_err().kind(), io::ErrorKind::StorageFull, "{room} bytes");
    }
    assert!(attempt(whole.len()).unwrap() == whole);
}

#[test]
fn results_that_break_off_are_an_error() {
    struct Broken;
    impl io::Read for Broken {
        fn read(&mut self, _bytes: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let done = pack(&mut Broken, Cursor::new(Vec::new()), SimpleFileOptions::default());
    assert_eq!(done.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}
