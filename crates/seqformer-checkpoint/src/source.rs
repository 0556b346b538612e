//! `Source`: a file read by position, within a window.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use crate::error::Reason;

/// Allowance beyond the size of the file for views that repeat elements.
const EXTRA_ARRAY_BYTES: u64 = 16 << 20;

/// A seekable reader.
pub(crate) trait Bytes: Read + Seek {}
impl<T: Read + Seek> Bytes for T {}

/// A buffered reader that knows its position and its end.
pub(crate) struct Source {
    reader: BufReader<Box<dyn Bytes>>,
    position: u64,
    end: u64,
    len: u64,
    format: &'static str,
}

impl Source {
    /// Reads from an open file of `len` bytes.
    pub(crate) fn from_file(file: File, len: u64) -> Self {
        Self::new(Box::new(file), len)
    }

    /// Reads from memory.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        let len = bytes.len() as u64;
        Self::new(Box::new(std::io::Cursor::new(bytes)), len)
    }

    fn new(bytes: Box<dyn Bytes>, len: u64) -> Self {
        Self { reader: BufReader::new(bytes), position: 0, end: len, len, format: "file" }
    }

    /// Size of the whole file in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Bytes that all arrays of the file together may allocate.
    pub(crate) fn array_budget(&self) -> u64 {
        self.len.saturating_mul(2).saturating_add(EXTRA_ARRAY_BYTES)
    }

    /// Offset of the next byte.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Bytes from here to the end.
    pub(crate) fn remaining(&self) -> u64 {
        self.end - self.position
    }

    /// Sets the format that errors name.
    pub(crate) fn set_format(&mut self, format: &'static str) {
        self.format = format;
    }

    /// Moves to `start` and sets the end to `start + len`.
    pub(crate) fn set_window(&mut self, start: u64, len: u64) -> Result<(), Reason> {
        match start.checked_add(len) {
            Some(end) if end <= self.len => {
                self.reader.seek(SeekFrom::Start(start))?;
                self.position = start;
                self.end = end;
                Ok(())
            }
            _ => Err(self.too_short(start)),
        }
    }

    /// Moves to `start`; the end is that of the file.
    pub(crate) fn seek(&mut self, start: u64) -> Result<(), Reason> {
        self.set_window(start, self.len.saturating_sub(start))
    }

    /// Skips `count` bytes.
    pub(crate) fn skip(&mut self, count: u64) -> Result<(), Reason> {
        if count > self.remaining() {
            return Err(self.too_short(self.position));
        }
        let step = i64::try_from(count).map_err(|_error| self.too_short(self.position))?;
        self.reader.seek_relative(step)?;
        self.position += count;
        Ok(())
    }

    /// Fills `target`.
    pub(crate) fn fill(&mut self, target: &mut [u8]) -> Result<(), Reason> {
        if target.len() as u64 > self.remaining() {
            return Err(self.too_short(self.position));
        }
        self.reader.read_exact(target)?;
        self.position += target.len() as u64;
        Ok(())
    }

    /// Reads `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        let mut array = [0; N];
        self.fill(&mut array)?;
        Ok(array)
    }

    /// Reads one byte.
    pub(crate) fn byte(&mut self) -> Result<u8, Reason> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Reads `count` bytes; allocates only if the file has them.
    pub(crate) fn bytes(&mut self, count: u64) -> Result<Vec<u8>, Reason> {
        let mut bytes = vec![0; self.checked_len(count)?];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads `count` bytes into shared memory, without a second copy.
    pub(crate) fn shared_bytes(&mut self, count: u64) -> Result<Arc<[u8]>, Reason> {
        let count = self.checked_len(count)?;
        let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, count).collect();
        if let Some(target) = Arc::get_mut(&mut bytes) {
            self.fill(target)?;
        }
        Ok(bytes)
    }

    /// Reads up to a line feed, which is dropped; at most `limit` bytes.
    pub(crate) fn line(&mut self, limit: u64) -> Result<Vec<u8>, Reason> {
        let limit = limit.min(self.remaining());
        let mut line = Vec::new();
        let taken = (&mut self.reader).take(limit).read_until(b'\n', &mut line)?;
        self.position += taken as u64;
        match line.pop() {
            Some(b'\n') => Ok(line),
            _ => Err(self.malformed("a line is too long or has no end")),
        }
    }

    /// Describes damage at the current position.
    pub(crate) fn malformed(&self, what: impl Into<String>) -> Reason {
        Reason::Malformed { format: self.format, offset: self.position, what: what.into() }
    }

    fn checked_len(&self, count: u64) -> Result<usize, Reason> {
        match usize::try_from(count) {
            Ok(len) if count <= self.remaining() => Ok(len),
            _ => Err(self.too_short(self.position)),
        }
    }

    fn too_short(&self, offset: u64) -> Reason {
        let what = "the bytes end too early";
        Reason::Malformed { format: self.format, offset, what: what.into() }
    }
}
