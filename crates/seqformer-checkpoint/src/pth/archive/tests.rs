use std::io::ErrorKind;

use super::*;

/// A device with room for some bytes, and a count of the calls after it was full.
struct Small {
    room: usize,
    failures: usize,
}

impl Write for Small {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.room {
            self.failures += 1;
            return Err(ErrorKind::StorageFull.into());
        }
        self.room -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn fill(target: impl Write) -> io::Result<()> {
    let mut archive = ArchiveWriter::new(target);
    for name in ["archive/data.pkl", "archive/data/0", "archive/data/1"] {
        archive.add(name, &[7; 300])?;
    }
    archive.finish().map(drop)
}

#[test]
fn wherever_the_room_ends_there_is_one_error_and_nothing_more() {
    let mut whole = Vec::new();
    fill(&mut whole).unwrap();
    for room in 0..whole.len() {
        let mut small = Small { room, failures: 0 };
        let error = fill(&mut small).unwrap_err();
        assert_eq!((error.kind(), small.failures), (ErrorKind::StorageFull, 1), "room for {room}");
    }
    let mut small = Small { room: whole.len(), failures: 0 };
    fill(&mut small).unwrap();
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    let [first, second] = [(); 2].map(|()| {
        let mut bytes = Vec::new();
        fill(&mut bytes).unwrap();
        bytes
    });
    assert_eq!(first, second);
}

#[test]
fn sizes_beyond_32_bits_stand_in_fields_of_their_own() {
    // By APPNOTE 4.5.3: kind 1, the length, then the values.
    let expected = [1, 0, 16, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(field(WIDE, &[1 << 32, 5]), expected);
    assert_eq!((narrow(1 << 32), narrow(u64::from(u32::MAX)), narrow(7)), (u32::MAX, u32::MAX, 7));
    for end in 0..200 {
        assert_eq!((end + padding(end).len() as u64) % ALIGNMENT, 0);
    }
}

#[test]
fn an_archive_behind_4_gib_is_read_again() {
    // As if the first entry had been that long.
    let mut archive = ArchiveWriter::new(Vec::new());
    archive.position = 5 << 30;
    archive.add("archive/data.pkl", b"weights").unwrap();
    let start = archive.position;
    let bytes = archive.finish().unwrap();
    let (entry, end) = (&bytes[(start - (5 << 30)) as usize..], b"PK\x06\x06");
    assert!(entry.starts_with(b"PK\x01\x02"));
    assert!(entry.windows(8).any(|bytes| bytes == (5_u64 << 30).to_le_bytes()), "its offset");
    let end = entry.windows(4).position(|bytes| bytes == end).unwrap();
    assert_eq!(entry[end + 48..end + 56], start.to_le_bytes());
    assert_eq!(entry[end + 56..end + 60], *b"PK\x06\x07");
}
