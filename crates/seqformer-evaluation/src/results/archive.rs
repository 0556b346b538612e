//! The archive for the evaluation servers.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::EvaluationError;

/// The name that the servers expect at the root of the archive.
const NAME_IN_ARCHIVE: &str = "results.json";

/// Packs a results file into a zip archive with a `results.json` at its root.
///
/// The archive appears atomically, and is the same for the same results.
///
/// # Errors
///
/// Results that cannot be read, or an archive that cannot be written.
pub fn write_archive(results: &Path, archive: &Path) -> Result<(), EvaluationError> {
    let mut source = File::open(results).map_err(|error| EvaluationError::read(results, error))?;
    let metadata = source.metadata().map_err(|error| EvaluationError::read(results, error))?;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644)
        .large_file(metadata.len() > u64::from(u32::MAX) / 2);
    let written = seqformer_files::replace(archive, |file| pack(&mut source, file, options));
    written.map_err(|error| EvaluationError::write(archive, error))
}

fn pack(
    source: &mut impl Read,
    file: impl Write + Seek,
    options: SimpleFileOptions,
) -> io::Result<()> {
    let mut zip = ZipWriter::new(FirstError::new(BufWriter::new(file)));
    zip.start_file(NAME_IN_ARCHIVE, options).map_err(io::Error::from)?;
    // What cannot be read counts as well; the archive is ended in any case, and thrown away by the caller.
    let copied = io::copy(source, &mut zip);
    let writer = zip.finish().map_err(io::Error::from);
    copied?;
    writer?.into_result()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(())
}

/// A writer whose first error is kept for the end: from there on nothing is written, and every operation succeeds.
///
/// `ZipWriter` ends its archive when it is dropped, and prints a line of its own where that fails.
#[derive(Debug)]
struct FirstError<W> {
    inner: W,
    position: u64,
    len: u64,
    error: Option<io::Error>,
}

impl<W: Write + Seek> FirstError<W> {
    fn new(inner: W) -> Self {
        Self { inner, position: 0, len: 0, error: None }
    }

    /// The writer, if all of it was written.
    fn into_result(self) -> io::Result<W> {
        self.error.map_or(Ok(self.inner), Err)
    }

    fn attempt(&mut self, operation: impl FnOnce(&mut W) -> io::Result<()>) {
        if self.error.is_none() {
            self.error = operation(&mut self.inner).err();
        }
    }
}

impl<W: Write + Seek> Write for FirstError<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(|inner| inner.write_all(bytes));
        self.position += bytes.len() as u64;
        self.len = self.len.max(self.position);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(Write::flush);
        Ok(())
    }
}

impl<W: Write + Seek> Seek for FirstError<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.len.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        let position = self.position;
        self.attempt(|inner| inner.seek(SeekFrom::Start(position)).map(drop));
        Ok(position)
    }
}

#[cfg(test)]
mod tests;
