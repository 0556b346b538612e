//! Zip archives, unpacked into a temporary folder entry by entry.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use seqformer_annotations::Fault;
use zip::ZipArchive;
use zip::result::ZipError;

use crate::{ConvertError, pictures};

/// First bytes of an archive: those of an entry, or of the end record if it is empty.
const MAGIC: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];
/// Films are large and hold no annotations.
const FILMS: [&str; 5] = ["mp4", "mov", "avi", "mkv", "webm"];
/// An archive that grows by more than this factor and beyond this size is refused as a zip bomb.
const MAX_FACTOR: u64 = 200;
const MAX_HARMLESS_BYTES: u64 = 1 << 30;
/// Bytes in memory at a time.
const CHUNK_BYTES: usize = 1 << 16;

/// Returns whether a file is an archive by its first bytes.
///
/// # Errors
///
/// A file that cannot be read.
pub(crate) fn is_archive(path: &Path) -> Result<bool, ConvertError> {
    let failed = |source| ConvertError::read(path, source);
    let mut start = Vec::new();
    File::open(path).map_err(failed)?.take(4).read_to_end(&mut start).map_err(failed)?;
    Ok(MAGIC.contains(&start.as_slice()))
}

/// Unpacks everything but films and links.
///
/// # Errors
///
/// An archive that is damaged or protected, names that lead out of the folder, and a folder that cannot be written.
pub(crate) fn unpack(path: &Path, folder: &Path) -> Result<(), ConvertError> {
    let file = File::open(path).map_err(|source| ConvertError::read(path, source))?;
    let packed_bytes = file.metadata().map_err(|source| ConvertError::read(path, source))?.len();
    let damaged = |place: &str, error: &ZipError| {
        let (expected, found, mend) = match error {
            ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)
            | ZipError::InvalidPassword => {
                ("a zip archive without a password", "one with a password".to_owned(), UNPACK)
            }
            ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => {
                ("a zip archive of the usual kind", error.to_string(), UNPACK)
            }
            _ => ("a whole zip archive", error.to_string(), "download or pack it again"),
        };
        ConvertError::wrong(path, place, Fault::new("", expected, found, mend))
    };
    let mut archive = ZipArchive::new(file).map_err(|error| damaged(WHOLE, &error))?;
    let mut left = MAX_HARMLESS_BYTES.max(packed_bytes.saturating_mul(MAX_FACTOR));
    for index in 0..archive.len() {
        let place = format!("entry {}", index + 1);
        let mut entry = archive.by_index(index).map_err(|error| damaged(&place, &error))?;
        let Some(name) = entry.enclosed_name() else {
            let found =
                entry.name().map_or_else(|error| error.to_string(), |name| format!("{name:?}"));
            let expected = "names that stay inside of the archive's folder";
            let mend = "pack the files again, without .. and without a leading /";
            return Err(ConvertError::wrong(path, place, Fault::new("", expected, found, mend)));
        };
        let place = format!("entry {}", name.display());
        let is_film = FILMS.iter().any(|ending| pictures::has_ending(&name, ending));
        // macOS adds this folder to archives.
        if entry.is_dir() || entry.is_symlink() || is_film || name.starts_with("__MACOSX") {
            continue;
        }
        let target = folder.join(&name);
        let unwritten = |source| ConvertError::write(&target, source);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(unwritten)?;
        }
        let mut to = File::create(&target).map_err(unwritten)?;
        match copy(&mut entry, &mut to, &mut left) {
            Ok(()) => {}
            Err(Copying::Read(error)) => return Err(damaged(&place, &ZipError::Io(error))),
            Err(Copying::Write(error)) => return Err(unwritten(error)),
            Err(Copying::TooLarge) => {
                let expected = format!("at most {MAX_FACTOR} times the size of the archive");
                let fault = Fault::new("", expected, "more", UNPACK);
                return Err(ConvertError::wrong(path, place, fault));
            }
        }
    }
    Ok(())
}

const WHOLE: &str = "the whole file";
const UNPACK: &str = "unpack it yourself, and give the folder";

/// Why an entry was not copied.
enum Copying {
    Read(io::Error),
    Write(io::Error),
    TooLarge,
}

fn copy(from: &mut impl Read, to: &mut impl Write, left: &mut u64) -> Result<(), Copying> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let used = match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(used) => used,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Copying::Read(error)),
        };
        *left = left.checked_sub(used as u64).ok_or(Copying::TooLarge)?;
        to.write_all(&chunk[..used]).map_err(Copying::Write)?;
    }
}
