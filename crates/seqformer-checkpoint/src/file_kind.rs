//! Opens checkpoint files and recognizes their kinds by their first bytes.

mod absent;

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::Path;

use crate::error::Reason;
use crate::pickle::{self, Graph, Node, shortened};
use crate::safetensors;
use crate::source::Source;

/// Bytes enough to see the `ustar` of a tar archive.
const HEAD_LEN: u64 = 512;
/// First value of the stream that torch wrote before 1.6.
const LEGACY_MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;

/// Opens a file; if it does not exist, the reason suggests what may be meant.
pub(crate) fn open(path: &Path) -> Result<Source, Reason> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(absent::describe(path));
        }
        Err(error) => return Err(error.into()),
    };
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(absent::describe_folder(path));
    }
    if !metadata.is_file() {
        let message = "expected a regular file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message).into());
    }
    Ok(Source::from_file(file, metadata.len()))
}

/// The kinds of checkpoint file.
pub(crate) enum FileKind {
    /// `torch.save`, a zip archive.
    Zip,
    /// `torch.save` before 1.6; its magic number has been read.
    Stream,
    Safetensors,
    /// A pickle of arrays, already loaded.
    Pickle(Graph),
}

/// Recognizes the kind of a file by its first bytes.
pub(crate) fn detect(source: &mut Source) -> Result<FileKind, Reason> {
    let head = source.bytes(source.len().min(HEAD_LEN))?;
    source.seek(0)?;
    if let Some((found, mend)) = not_a_checkpoint(&head) {
        return Err(not_one(found, mend));
    }
    if head.starts_with(b"PK\x03\x04") {
        return Ok(FileKind::Zip);
    }
    if safetensors::has_signature(&head) {
        return Ok(FileKind::Safetensors);
    }
    let graph = load_pickle(source, &head)?;
    if *graph.node(graph.root()) == Node::Int(LEGACY_MAGIC) {
        return Ok(FileKind::Stream);
    }
    Ok(FileKind::Pickle(graph))
}

fn not_one(found: impl Into<Cow<'static, str>>, mend: impl Into<Cow<'static, str>>) -> Reason {
    Reason::NotACheckpoint { found: found.into(), mend: mend.into() }
}

/// Loads the first pickle of a file, unless `head` shows that it is not one.
fn load_pickle(source: &mut Source, head: &[u8]) -> Result<Graph, Reason> {
    // Protocols 2 and up open with 0x80; the text protocols with a mark, a collection or a name.
    if !matches!(head.first(), Some(0x80 | b'(' | b'}' | b']' | b'c' | b'L')) {
        return Err(if is_text(head) {
            describe_text(head)
        } else {
            not_one("bytes of no known format", "check that this is the right file")
        });
    }
    pickle::load(source).map_err(|reason| match reason {
        // Text may start like a pickle, but does not continue like one.
        Reason::Malformed { offset, .. } if is_text(head) && offset <= head.len() as u64 => {
            describe_text(head)
        }
        reason => reason,
    })
}

/// Describes a text file by its beginning.
fn describe_text(head: &[u8]) -> Reason {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim();
    let first = text.lines().next().unwrap_or_default().trim();
    if text.starts_with('{') || text.starts_with('[') {
        return not_one(
            format!("JSON text: {}", shortened(text)),
            "if a server wrote it, the download failed: check the address and whether it needs a login",
        );
    }
    let is_path = text.lines().count() == 1
        && !first.contains(char::is_whitespace)
        && (first.contains(['/', '\\']) || absent::has_ending_of_weights(Path::new(first)));
    if is_path {
        return not_one(
            format!("a text file with a path: {}", shortened(first)),
            "give the file at that path itself",
        );
    }
    not_one(
        format!("a text file that begins {:?}", shortened(first)),
        "check that this is the right file",
    )
}

/// True for printable ASCII, and for UTF-8 that may be cut off at the end.
fn is_text(head: &[u8]) -> bool {
    let is_printable = |byte: &u8| byte.is_ascii_whitespace() || (*byte >= b' ' && *byte != 0x7f);
    let is_utf8 =
        std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true);
    is_utf8 && head.iter().all(is_printable)
}

/// What a file without tensors is, and what to do about it.
fn not_a_checkpoint(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let opens_with =
        |tag: &[u8]| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
    let is_web_page = ["<!doctype", "<html", "<head", "<body", "<?xml", "<!--"];
    if head.is_empty() {
        Some(("an empty file", "download or copy it again"))
    } else if head.iter().all(|&byte| byte == 0) {
        Some(("nothing but zeros", "a download or copy was interrupted; start it again"))
    } else if head.starts_with(b"version https://git-lfs") {
        Some(("a git-lfs pointer", "run `git lfs pull` to get the file itself"))
    } else if is_web_page.iter().any(|tag| opens_with(tag.as_bytes())) {
        Some(("a web page", "the download failed or needs a login; download it again"))
    } else if head.starts_with(b"PK\x05\x06") {
        Some(("an empty zip archive", "download or copy it again"))
    } else if head.starts_with(&[0x1f, 0x8b]) {
        Some(("a gzip archive", "unpack it first"))
    } else if head.get(257..262) == Some(b"ustar") {
        Some(("a tar archive", "unpack it, or load and save it with torch 1.6 or newer"))
    } else {
        None
    }
}
