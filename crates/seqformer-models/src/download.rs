//! One file from the web into a file, in as many pieces as it takes.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::client::{Client, Failure, Request};
use crate::{ModelsError, digest};

/// Connections in a row that may end without a single byte.
const MAX_FAILURES: u32 = 4;
/// Bytes that are read at once.
const BLOCK: usize = 1 << 16;
/// The part of a file that is there.
const PART: &str = "part";
/// What it is a part of.
const PART_OF: &str = "part.json";

/// What a download says while it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Another process fetches the same; it is waited for.
    Waiting,
    /// So many bytes of the file are there.
    Bytes {
        /// How many.
        done: u64,
        /// Of how many, if that is known.
        total: Option<u64>,
    },
    /// The connection ended; it goes on from here.
    Resuming {
        /// Why it ended.
        why: String,
    },
    /// The file is there, and its SHA-256 is computed.
    Checking,
}

/// The file to be had.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) url: &'a str,
    pub(crate) token: Option<&'a str>,
    /// Its SHA-256, if that is known before.
    pub(crate) sha256: Option<&'a str>,
    /// Its length, if that is known before.
    pub(crate) size: Option<u64>,
}

/// A complete file.
#[derive(Debug)]
pub(crate) struct Downloaded {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) sha256: String,
    /// Whether the SHA-256 was announced, and is right.
    pub(crate) verified: bool,
}

/// What an earlier run has fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PartOf {
    url: String,
    etag: String,
    total: Option<u64>,
    sha256: Option<String>,
}

/// Fetches a file into `folder`, where a part of it may be already.
pub(crate) fn download(
    client: &Client,
    wanted: Wanted<'_>,
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Downloaded, ModelsError> {
    let part = folder.join(PART);
    let mut failures = 0;
    let mut has_begun = false;
    loop {
        let known = PartOf::read(folder, wanted.url);
        if known.is_none() {
            // Without an ETag nobody knows whether the next piece is of the same file.
            remove(&part)?;
        }
        let before = length(&part)?;
        let total = known.as_ref().and_then(|known| known.total).or(wanted.size);
        if before > 0 && total == Some(before) {
            break;
        }
        let etag = known.as_ref().map(|known| known.etag.as_str());
        let request = Request { url: wanted.url, token: wanted.token, offset: before, etag };
        let why = match piece(client, request, folder, progress) {
            Ok(None) => break,
            Ok(Some(why)) => {
                has_begun = true;
                why
            }
            Err(Failure::NoSuchPart) if before > 0 => {
                remove(&part)?;
                "the file is another one now".to_owned()
            }
            // A server that was never there is no cut connection.
            Err(Failure::Passing(error)) if has_begun || before > 0 => error.to_string(),
            Err(Failure::Passing(error) | Failure::Lasting(error)) => {
                return Err(with_size(error, total));
            }
            Err(Failure::NoSuchPart) => {
                return Err(bad_file(wanted.url, "status 416 for a whole file"));
            }
        };
        let after = length(&part)?;
        failures = if after > before { 0 } else { failures + 1 };
        if failures >= MAX_FAILURES {
            let total = total.map_or_else(|| "an unknown length".to_owned(), human_size);
            let (url, done) = (wanted.url.to_owned(), human_size(after));
            return Err(ModelsError::Cut { url, done, total, why });
        }
        progress(Progress::Resuming { why });
        std::thread::sleep(Duration::from_millis(250 << failures));
    }
    progress(Progress::Checking);
    let announced = PartOf::read(folder, wanted.url).and_then(|known| known.sha256);
    finish(wanted.url, &part, wanted.sha256.map(str::to_ascii_lowercase).or(announced))
}

/// Removes what says what the part is of, if there is no part from which a later run could go on.
pub(crate) fn clear(folder: &Path) {
    let part = folder.join(PART);
    if part.metadata().is_ok_and(|found| found.len() > 0) {
        return;
    }
    // What cannot be removed is in nobody's way.
    for path in [part, folder.join(PART_OF)] {
        let _gone = std::fs::remove_file(path);
    }
}

/// Receives what the server sends in one answer; the reason if it is not all.
fn piece(
    client: &Client,
    request: Request<'_>,
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<String>, Failure> {
    let mut reply = client.get(request)?;
    let part = folder.join(PART);
    let lasting = |error| Failure::Lasting(ModelsError::io(&part)(error));
    let (mut done, total) = (reply.offset, reply.total);
    // Before the bytes: whoever is ended now goes on from them.
    let known = reply.etag.map(|etag| {
        let url = request.url.to_owned();
        PartOf { url, etag, total, sha256: reply.sha256 }
    });
    PartOf::write(known.as_ref(), folder).map_err(Failure::Lasting)?;
    let mut file = File::options().create(true).append(true).open(&part).map_err(lasting)?;
    if reply.offset == 0 {
        file.set_len(0).or_else(not_a_disk).map_err(lasting)?;
    }
    let mut buffer = vec![0; BLOCK];
    let mut cut = None;
    loop {
        progress(Progress::Bytes { done, total });
        let count = match reply.body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                cut = Some(error.to_string());
                break;
            }
        };
        file.write_all(&buffer[..count]).map_err(lasting)?;
        done += count as u64;
    }
    file.sync_data().or_else(not_a_disk).map_err(lasting)?;
    if cut.is_none() && total.is_some_and(|total| done < total) {
        cut = Some("the connection was closed".to_owned());
    }
    Ok(cut)
}

/// Devices have no length, and nothing to bring to a disk.
fn not_a_disk(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::InvalidInput { Ok(()) } else { Err(error) }
}

/// Compares the file with what was announced.
fn finish(url: &str, part: &Path, announced: Option<String>) -> Result<Downloaded, ModelsError> {
    let found = digest::of_file(part).map_err(ModelsError::io(part))?;
    let size = length(part)?;
    if let Some(expected) = announced.as_ref().filter(|expected| **expected != found) {
        remove(part)?;
        let (url, expected) = (url.to_owned(), expected.clone());
        return Err(ModelsError::WrongHash { url, expected, found });
    }
    if size == 0 {
        remove(part)?;
        return Err(bad_file(url, "an empty file"));
    }
    let verified = announced.is_some();
    Ok(Downloaded { path: part.to_path_buf(), size, sha256: found, verified })
}

impl PartOf {
    /// What an earlier run has fetched a part of, if it was from this address.
    fn read(folder: &Path, url: &str) -> Option<Self> {
        let text = std::fs::read(folder.join(PART_OF)).ok()?;
        let part_of: Self = serde_json::from_slice(&text).ok()?;
        (part_of.url == url).then_some(part_of)
    }

    /// Writes down what the part is of, for the next run; nothing if that is not known.
    fn write(known: Option<&Self>, folder: &Path) -> Result<(), ModelsError> {
        let path = folder.join(PART_OF);
        let Some(known) = known else { return remove(&path) };
        let text = serde_json::to_vec(known).expect("it is plain text");
        seqformer_files::replace(&path, |file| file.write_all(&text))
            .map_err(ModelsError::io(&path))
    }
}

fn bad_file(url: &str, found: &str) -> ModelsError {
    ModelsError::BadAnswer {
        url: url.to_owned(),
        found: found.to_owned(),
        mend: "check the address",
    }
}

fn length(part: &Path) -> Result<u64, ModelsError> {
    match std::fs::metadata(part) {
        Ok(found) => Ok(found.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(ModelsError::io(part)(error)),
    }
}

fn remove(path: &Path) -> Result<(), ModelsError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ModelsError::io(path)(error)),
        _ => Ok(()),
    }
}

/// Says how much would be needed where the disk is full.
fn with_size(error: ModelsError, total: Option<u64>) -> ModelsError {
    match error {
        ModelsError::DiskFull { path, .. } => {
            let size = total.map_or_else(String::new, |total| format!(" of {}", human_size(total)));
            let what = format!(" for the download{size}");
            ModelsError::DiskFull { path, what, then: ", it goes on from there" }
        }
        other => other,
    }
}

/// A number of bytes in words.
pub fn human_size(bytes: u64) -> String {
    const UNITS: [(&str, f64); 3] = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    let unit = UNITS.iter().find(|(_, scale)| bytes as f64 >= *scale);
    unit.map_or_else(
        || format!("{bytes} bytes"),
        |(unit, scale)| format!("{:.1} {unit}", bytes as f64 / scale),
    )
}
