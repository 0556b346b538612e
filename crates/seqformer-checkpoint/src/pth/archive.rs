//! Writes a zip archive with uncompressed entries, as torch does.
//!
//! Source: PKWARE's APPNOTE 6.3.10, sections 4.3.7 to 4.3.16 and 4.5.3. All sizes are known before an entry is written,
//! so writing is strictly sequential, and the first failure is the only one.

use std::io::{self, Write};

/// Storages start at multiples of this, so that they can be memory-mapped.
pub(super) const ALIGNMENT: u64 = 64;
/// The format version with 64-bit sizes.
const VERSION: u16 = 45;
/// Names are UTF-8.
const FLAGS: u16 = 1 << 11;
/// 1 January 1980, the earliest possible date, so that equal content gives equal files.
const DATE: u16 = 1 << 5 | 1;
/// Id of the extra field that pads to the alignment; torch's choice.
const PADDING: u16 = u16::from_le_bytes(*b"FB");
/// Id of the extra field for sizes and offsets beyond 32 bits.
const WIDE: u16 = 1;
const LOCAL_HEADER_LEN: u64 = 30;

/// An archive being written.
pub(super) struct ArchiveWriter<W> {
    target: W,
    position: u64,
    directory: Vec<u8>,
    num_entries: u64,
}

impl<W: Write> ArchiveWriter<W> {
    pub(super) fn new(target: W) -> Self {
        Self { target, position: 0, directory: Vec::new(), num_entries: 0 }
    }

    /// Adds an entry.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let offset = self.position;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(bytes);
        let (crc, len) = (hasher.finalize(), bytes.len() as u64);
        let wide_len = if narrow(len) == u32::MAX { field(WIDE, &[len, len]) } else { Vec::new() };
        let mut extra = wide_len.clone();
        extra.extend(padding(offset + LOCAL_HEADER_LEN + (name.len() + wide_len.len()) as u64));

        let mut header = b"PK\x03\x04".to_vec();
        header.extend(VERSION.to_le_bytes());
        common(&mut header, crc, len);
        header.extend((name.len() as u16).to_le_bytes());
        header.extend((extra.len() as u16).to_le_bytes());
        header.extend(name.as_bytes());
        header.extend(&extra);
        self.write(&header)?;
        self.write(bytes)?;

        let mut wide = Vec::new();
        if narrow(len) == u32::MAX {
            wide.extend([len, len]);
        }
        if narrow(offset) == u32::MAX {
            wide.push(offset);
        }
        let wide = if wide.is_empty() { Vec::new() } else { field(WIDE, &wide) };
        let entry = &mut self.directory;
        entry.extend(b"PK\x01\x02");
        entry.extend(VERSION.to_le_bytes());
        entry.extend(VERSION.to_le_bytes());
        common(entry, crc, len);
        entry.extend((name.len() as u16).to_le_bytes());
        entry.extend((wide.len() as u16).to_le_bytes());
        // No comment, the first disk, no attributes.
        entry.extend([0; 2 + 2 + 2 + 4]);
        entry.extend(narrow(offset).to_le_bytes());
        entry.extend(name.as_bytes());
        entry.extend(&wide);
        self.num_entries += 1;
        Ok(())
    }

    /// Writes the list of entries.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let (start, len) = (self.position, self.directory.len() as u64);
        let directory = std::mem::take(&mut self.directory);
        self.write(&directory)?;
        let end = self.position;
        let count = u16::try_from(self.num_entries).unwrap_or(u16::MAX);
        if count == u16::MAX || narrow(start) == u32::MAX || narrow(len) == u32::MAX {
            let mut record = b"PK\x06\x06".to_vec();
            record.extend(44_u64.to_le_bytes());
            record.extend(VERSION.to_le_bytes());
            record.extend(VERSION.to_le_bytes());
            record.extend([0; 8]);
            for value in [self.num_entries, self.num_entries, len, start] {
                record.extend(value.to_le_bytes());
            }
            record.extend(b"PK\x06\x07");
            record.extend([0; 4]);
            record.extend(end.to_le_bytes());
            record.extend(1_u32.to_le_bytes());
            self.write(&record)?;
        }
        let mut record = b"PK\x05\x06".to_vec();
        record.extend([0; 4]);
        record.extend(count.to_le_bytes());
        record.extend(count.to_le_bytes());
        record.extend(narrow(len).to_le_bytes());
        record.extend(narrow(start).to_le_bytes());
        record.extend([0; 2]);
        self.write(&record)?;
        self.target.flush()?;
        Ok(self.target)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.target.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

/// The common part of a local header and a directory entry.
fn common(header: &mut Vec<u8>, crc: u32, len: u64) {
    const STORED: u16 = 0;
    header.extend(FLAGS.to_le_bytes());
    header.extend(STORED.to_le_bytes());
    header.extend([0; 2]);
    header.extend(DATE.to_le_bytes());
    header.extend(crc.to_le_bytes());
    header.extend(narrow(len).to_le_bytes());
    header.extend(narrow(len).to_le_bytes());
}

/// A size or offset in 32 bits; all bits set mean that it is stored in the extra field.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// An extra field of 64-bit numbers.
fn field(kind: u16, values: &[u64]) -> Vec<u8> {
    let mut field = kind.to_le_bytes().to_vec();
    field.extend((8 * values.len() as u16).to_le_bytes());
    for value in values {
        field.extend(value.to_le_bytes());
    }
    field
}

/// The extra field that pads the data after `end` to a multiple of the alignment.
fn padding(end: u64) -> Vec<u8> {
    let filled = (end + 4).next_multiple_of(ALIGNMENT) - (end + 4);
    let mut field = PADDING.to_le_bytes().to_vec();
    field.extend((filled as u16).to_le_bytes());
    field.resize(4 + filled as usize, b'Z');
    field
}

#[cfg(test)]
mod tests;
