//! SHA-256 of files and texts, in hexadecimal digits.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;

/// SHA-256 of a file, without holding it in memory.
pub(crate) fn of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; BLOCK];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(digest)),
            count => digest.update(&buffer[..count]),
        }
    }
}

/// SHA-256 of a text.
pub(crate) fn of_text(text: &str) -> String {
    hex(Sha256::new().chain_update(text))
}

fn hex(digest: Sha256) -> String {
    let mut digits = String::with_capacity(64);
    for byte in digest.finalize() {
        // Writing to a string does not fail.
        let _written = write!(digits, "{byte:02x}");
    }
    digits
}
