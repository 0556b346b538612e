//! Compiled kernels on disk, so that only the first process on a machine compiles them.
//!
//! A file is named by a hash of everything that the compiler reads, and begins with a hash of its own content. A cache that
//! cannot be read or written costs time and nothing else.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{Compiled, Source};

/// Bytes of a hash.
const HASH: usize = 32;

/// `seqformer/kernels` in the user's folder for caches.
pub(crate) fn default_folder() -> Option<PathBuf> {
    let caches = std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty());
    let caches = match caches {
        Some(path) => PathBuf::from(path),
        None => std::env::home_dir()?.join(".cache"),
    };
    caches.is_absolute().then(|| caches.join("seqformer/kernels"))
}

/// The name of a compiled source.
pub(crate) fn file_name(source: Source, headers: &[Source], options: &[&str]) -> String {
    let mut hash = Sha256::new();
    let texts = std::iter::once(&source).chain(headers).flat_map(|of| [of.name, of.text]);
    for text in texts.chain(options.iter().copied()) {
        // With lengths, so that moving text from one source to the next changes the hash.
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    format!("{}-{:x}.cubin", source.name, hash.finalize())
}

/// The binary in a file of the cache, or a new one.
///
/// The log of a binary from the cache is empty.
pub(crate) fn read_or_compile(
    path: Option<&Path>,
    compile: impl FnOnce() -> Result<Compiled, String>,
) -> Result<Compiled, String> {
    if let Some(binary) = path.and_then(read) {
        return Ok(Compiled { binary, log: String::new() });
    }
    let compiled = compile()?;
    if let Some(path) = path
        && let Err(error) = write(path, &compiled.binary)
    {
        tracing::debug!("{}: the compiled kernels are not kept: {error}", path.display());
    }
    Ok(compiled)
}

/// `None` if the file does not exist or has been changed.
fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = std::fs::read(path).ok()?;
    let binary = bytes.get(HASH..)?;
    if Sha256::digest(binary).as_slice() != &bytes[..HASH] {
        return None;
    }
    bytes.drain(..HASH);
    Some(bytes)
}

fn write(path: &Path, binary: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    seqformer_files::replace(path, |file| {
        file.write_all(&Sha256::digest(binary))?;
        file.write_all(binary)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(binary: &[u8]) -> Compiled {
        Compiled { binary: binary.to_vec(), log: "made".to_owned() }
    }

    #[test]
    fn a_source_is_compiled_once_and_again_where_its_file_was_spoiled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some/where/a.cubin");
        let of_cache = || read_or_compile(Some(&path), || Err("compiled again".to_owned()));
        assert_eq!(read_or_compile(Some(&path), || Ok(made(b"code"))).unwrap().log, "made");
        assert_eq!(of_cache().unwrap().binary, b"code");
        let whole = std::fs::read(&path).unwrap();
        for spoiled in [&whole[..whole.len() - 1], &whole[..HASH - 1], b""] {
            std::fs::write(&path, spoiled).unwrap();
            assert_eq!(of_cache().unwrap_err(), "compiled again");
        }
        assert_eq!(read_or_compile(Some(&path), || Ok(made(b"other"))).unwrap().binary, b"other");
        assert_eq!(of_cache().unwrap().binary, b"other");
    }

    #[test]
    fn a_folder_that_cannot_be_written_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, b"in the way").unwrap();
        for path in [None, Some(file.join("a.cubin"))] {
            assert_eq!(
                read_or_compile(path.as_deref(), || Ok(made(b"code"))).unwrap().binary,
                b"code"
            );
        }
    }

    #[test]
    fn every_text_and_option_has_a_part_in_the_name() {
        let source = |name, text| Source { name, text };
        let names = [
            file_name(source("a.cu", "text"), &[], &["sm_80"]),
            file_name(source("a.cu", "text"), &[], &["sm_90"]),
            file_name(source("a.cu", "other"), &[], &["sm_80"]),
            file_name(source("a.cu", "text"), &[source("b.h", "")], &["sm_80"]),
            file_name(source("a.cu", "textb.h"), &[source("", "")], &["sm_80"]),
        ];
        let different: std::collections::BTreeSet<&String> = names.iter().collect();
        assert_eq!(different.len(), names.len());
        assert!(names.iter().all(|name| name.starts_with("a.cu-") && !name.contains('/')));
    }
}
