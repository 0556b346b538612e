//! The archive that the evaluation servers take.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::EvaluationError;

/// The name that the servers look for, at the root of the archive.
const NAME_IN_ARCHIVE: &str = "results.json";

/// Packs a results file into a zip archive with a `results.json` at its root.
///
/// The archive appears as a whole or not at all, and is the same for the same results.
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
    let written = seqformer_files::replace(archive, |file| {
        let mut zip = ZipWriter::new(BufWriter::new(file));
        zip.start_file(NAME_IN_ARCHIVE, options).map_err(io::Error::from)?;
        io::copy(&mut source, &mut zip)?;
        zip.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(())
    });
    written.map_err(|error| EvaluationError::write(archive, error))
}

#[cfg(test)]
mod tests;
