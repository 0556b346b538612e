//! The directory of a zip archive with uncompressed entries.
//!
//! Source: PKWARE's APPNOTE 6.3.10, sections 4.3.7 to 4.3.16. torch never compresses, and often
//! writes wrong checksums (`torch.serialization.set_crc32_options`), so they are ignored.

use std::collections::BTreeMap;

use super::storage::Location;
use crate::error::Reason;
use crate::pickle::shortened;
use crate::source::Source;

const LOCAL_HEADER: [u8; 4] = *b"PK\x03\x04";
const DIRECTORY_ENTRY: [u8; 4] = *b"PK\x01\x02";
const DIRECTORY_END: [u8; 4] = *b"PK\x05\x06";
const DIRECTORY_END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";

const DIRECTORY_END_LEN: usize = 22;
const LOCATOR_64_LEN: u64 = 20;
const MAX_COMMENT_LEN: u64 = 0xffff;
/// Some hundred thousand entries.
const MAX_DIRECTORY_LEN: u64 = 32 << 20;

/// One entry of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    header_offset: u64,
    len: u64,
    is_compressed: bool,
    is_encrypted: bool,
}

/// The entries by name.
#[derive(Debug)]
pub(super) struct Archive {
    entries: BTreeMap<String, Entry>,
}

impl Archive {
    /// Finds the data of the entry called `name`, or `None` if there is no such entry.
    pub(super) fn locate(
        &self,
        source: &mut Source,
        name: &str,
    ) -> Result<Option<Location>, Reason> {
        self.entries.get(name).map(|entry| locate(source, name, entry)).transpose()
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The folder of all records, with a trailing slash; torch names it after the file.
    pub(super) fn root(&self) -> Result<String, Reason> {
        let pickles = self.entries.keys().filter_map(|name| name.strip_suffix("data.pkl"));
        let mut roots = pickles.filter(|root| root.is_empty() || root.ends_with('/'));
        match (roots.next(), roots.next()) {
            (Some(root), None) => Ok(root.to_owned()),
            (None, _) => Err(Reason::Unsupported(
                "a zip archive without data.pkl, so not one of torch's; if it holds a checkpoint, \
                 unpack it first"
                    .into(),
            )),
            (Some(_), Some(_)) => {
                Err(Reason::Unsupported("a zip archive with several data.pkl".into()))
            }
        }
    }
}

/// Finds the data of an entry.
fn locate(source: &mut Source, name: &str, entry: &Entry) -> Result<Location, Reason> {
    let kind = match entry {
        Entry { is_encrypted: true, .. } => Some("encrypted"),
        Entry { is_compressed: true, .. } => Some("compressed"),
        _ => None,
    };
    if let Some(kind) = kind {
        return Err(Reason::Unsupported(format!(
            "entry {:?} of the archive is {kind}, and torch.save never does that; unpack the file \
             and archive it again with `zip -0 -r`",
            shortened(name)
        )));
    }
    source.seek(entry.header_offset)?;
    let header = source.array::<30>()?;
    if header[..4] != LOCAL_HEADER {
        return Err(source.malformed("expected the header of an entry"));
    }
    let names_len = u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28));
    source.skip(names_len)?;
    let offset = source.position();
    source.set_window(offset, entry.len)?;
    Ok(Location { offset, len: entry.len })
}

/// Reads the list of entries from the end of the file.
pub(super) fn read_directory(source: &mut Source) -> Result<Archive, Reason> {
    let directory = find_directory(source)?;
    if directory.len > MAX_DIRECTORY_LEN {
        return Err(source.malformed("the list of entries is too long"));
    }
    source.set_window(directory.offset, directory.len)?;
    let mut entries = BTreeMap::new();
    while source.remaining() > 0 {
        let (name, entry) = read_entry(source)?;
        if entries.insert(name, entry).is_some() {
            return Err(source.malformed("two entries have the same name"));
        }
    }
    Ok(Archive { entries })
}

fn find_directory(source: &mut Source) -> Result<Location, Reason> {
    let tail_len = source.len().min(DIRECTORY_END_LEN as u64 + MAX_COMMENT_LEN);
    let tail_start = source.len() - tail_len;
    source.seek(tail_start)?;
    let tail = source.bytes(tail_len)?;
    let end = tail.windows(DIRECTORY_END_LEN).rposition(|bytes| bytes[..4] == DIRECTORY_END);
    let Some(end) = end else {
        return Err(source.malformed("the list of entries at its end is missing"));
    };
    let record = &tail[end..end + DIRECTORY_END_LEN];
    let (len, offset) = (u32_at(record, 12), u32_at(record, 16));
    if len != u32::MAX && offset != u32::MAX && u16_at(record, 10) != u16::MAX {
        return Ok(Location { offset: offset.into(), len: len.into() });
    }
    let end = tail_start + end as u64;
    let Some(locator) = end.checked_sub(LOCATOR_64_LEN) else {
        return Err(source.malformed("the 64-bit end record is missing"));
    };
    source.seek(locator)?;
    let locator = source.array::<20>()?;
    if locator[..4] != LOCATOR_64 {
        return Err(source.malformed("the 64-bit end record is missing"));
    }
    source.seek(u64_at(&locator, 8))?;
    let record = source.array::<56>()?;
    if record[..4] != DIRECTORY_END_64 {
        return Err(source.malformed("the 64-bit end record is missing"));
    }
    Ok(Location { offset: u64_at(&record, 48), len: u64_at(&record, 40) })
}

fn read_entry(source: &mut Source) -> Result<(String, Entry), Reason> {
    let record = source.array::<46>()?;
    if record[..4] != DIRECTORY_ENTRY {
        return Err(source.malformed("expected an entry of the directory"));
    }
    let name = source.bytes(u16_at(&record, 28).into())?;
    let extra = source.bytes(u16_at(&record, 30).into())?;
    source.skip(u16_at(&record, 32).into())?;
    let mut entry = Entry {
        header_offset: u32_at(&record, 42).into(),
        len: u32_at(&record, 24).into(),
        is_compressed: u16_at(&record, 10) != 0,
        is_encrypted: u16_at(&record, 8) & 1 != 0,
    };
    let wide = |value: u64| value == u64::from(u32::MAX);
    let stored_len = u64::from(u32_at(&record, 20));
    if wide(entry.len) || wide(stored_len) || wide(entry.header_offset) {
        let mut values = wide_values(&extra);
        let mut next = || values.next().ok_or_else(|| source.malformed("a 64-bit size is missing"));
        if wide(entry.len) {
            entry.len = next()?;
        }
        if wide(stored_len) {
            next()?;
        }
        if wide(entry.header_offset) {
            entry.header_offset = next()?;
        }
    } else if stored_len != entry.len {
        entry.is_compressed = true;
    }
    Ok((String::from_utf8_lossy(&name).into_owned(), entry))
}

/// The values of the 64-bit field among the extra fields.
fn wide_values(mut extra: &[u8]) -> impl Iterator<Item = u64> {
    let mut field: &[u8] = &[];
    while extra.len() >= 4 {
        let len = usize::from(u16_at(extra, 2));
        let Some(content) = extra.get(4..4 + len) else { break };
        if u16_at(extra, 0) == 1 {
            field = content;
            break;
        }
        extra = &extra[4 + len..];
    }
    field.as_chunks::<8>().0.iter().map(|&bytes| u64::from_le_bytes(bytes))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(sub_array(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(sub_array(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(sub_array(bytes, at))
}

/// Callers read fixed offsets in records of fixed length.
fn sub_array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}
