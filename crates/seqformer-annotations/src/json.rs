//! Long JSON lists, one element at a time.
//!
//! Annotations and results are lists of several hundred megabytes. Splitting them into elements
//! first keeps only a few elements in memory, and faults can be reported by index and field. All
//! threads parse elements.

mod bits;
mod counts;
mod cursor;
mod elements;
mod nesting;

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

pub use self::cursor::Cursor;
use self::nesting::Nesting;
use crate::{AnnotationError, Fault};

/// Fewer, larger reads than the 8 KiB of the standard library.
const BUFFER_BYTES: usize = 1 << 18;
/// The byte order mark of UTF-8, which Windows editors write.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// A JSON file that is read from front to back.
#[derive(Debug)]
pub struct JsonFile {
    path: PathBuf,
    reader: BufReader<File>,
    offset: u64,
}

impl JsonFile {
    /// Opens a file; a byte order mark of UTF-8 is skipped.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, that is UTF-16 or UTF-32, or that is a compressed archive.
    pub fn open(path: &Path) -> Result<Self, AnnotationError> {
        let file = File::open(path).map_err(|source| AnnotationError::read(path, source))?;
        if path.is_dir() {
            let fault = Fault::new("", "a JSON file", "a folder", "name the file in it");
            return Err(AnnotationError::wrong(path, "the whole file", fault));
        }
        let reader = BufReader::with_capacity(BUFFER_BYTES, file);
        let mut file = Self { path: path.to_path_buf(), reader, offset: 0 };
        if file.chunk()?.starts_with(UTF8_MARK) {
            file.consume(UTF8_MARK.len());
        }
        match other_content(file.chunk()?) {
            None => Ok(file),
            Some((found, mend)) => {
                let fault = Fault::new("", "JSON, which is UTF-8 text", found, mend);
                Err(AnnotationError::wrong(path, "the whole file", fault))
            }
        }
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Calls `visit` for every key of an object; `visit` reads the value.
    ///
    /// # Errors
    ///
    /// A value that is not an object, and the errors of `visit`.
    pub fn for_each_key(
        &mut self,
        mut visit: impl FnMut(&mut Self, &str) -> Result<(), AnnotationError>,
    ) -> Result<(), AnnotationError> {
        self.expect(b'{', "an object")?;
        if self.skip_if(b'}')? {
            return Ok(());
        }
        loop {
            let mut key = Vec::new();
            self.read_value(&mut key)?;
            let name: String = match serde_json::from_slice(&key) {
                Ok(name) => name,
                Err(_) => return Err(self.syntax("a key in quotes", "something else")),
            };
            self.expect(b':', "':' after a key")?;
            visit(self, &name)?;
            if self.skip_if(b'}')? {
                return Ok(());
            }
            self.expect(b',', "',' or '}' after a value")?;
        }
    }

    /// Skips `null`; returns false if something else follows.
    ///
    /// # Errors
    ///
    /// A different word that starts like `null`.
    pub fn skip_null(&mut self) -> Result<bool, AnnotationError> {
        if self.peek()? != Some(b'n') {
            return Ok(false);
        }
        let mut value = Vec::new();
        self.read_value(&mut value)?;
        if value == b"null" {
            Ok(true)
        } else {
            Err(self.syntax("a list or null", "something else"))
        }
    }

    /// Describes the kind of the next value in a word.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub fn kind_of_next(&mut self) -> Result<&'static str, AnnotationError> {
        Ok(match self.peek()? {
            None => "the end of the file",
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b'"') => "a text",
            Some(b'n') => "null",
            Some(b't' | b'f') => "a truth value",
            Some(b'-' | b'0'..=b'9') => "a number",
            Some(_) => "no JSON",
        })
    }

    /// Appends the text of the next value of any kind.
    ///
    /// # Errors
    ///
    /// A value that is missing or cut off.
    pub fn read_value(&mut self, text: &mut Vec<u8>) -> Result<(), AnnotationError> {
        match self.peek()? {
            None | Some(b',' | b':' | b']' | b'}') => {
                return self.expected("a value");
            }
            Some(b'"' | b'[' | b'{') => {}
            Some(_) => return self.read_scalar(text),
        }
        let mut nesting = Nesting::default();
        loop {
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                return Err(self.syntax("the rest of a value", "the end of the file"));
            }
            let end = nesting.advance(chunk);
            let used = end.unwrap_or(chunk.len());
            text.extend_from_slice(&chunk[..used]);
            self.consume(used);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    /// Checks that nothing follows.
    ///
    /// # Errors
    ///
    /// If something does.
    pub fn finish(&mut self) -> Result<(), AnnotationError> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => self.expected("the end of the file"),
        }
    }

    /// Reads a number, `true`, `false` or `null`; the parser of the text checks it.
    fn read_scalar(&mut self, text: &mut Vec<u8>) -> Result<(), AnnotationError> {
        loop {
            let chunk = self.chunk()?;
            let is_end = |byte: &u8| byte.is_ascii_whitespace() || b",:]}[{\"".contains(byte);
            let end = chunk.iter().position(is_end);
            let used = end.unwrap_or(chunk.len());
            text.extend_from_slice(&chunk[..used]);
            let is_over = end.is_some() || chunk.is_empty();
            self.consume(used);
            if is_over {
                return Ok(());
            }
        }
    }

    /// Returns the next byte that is not white space, without consuming it.
    fn peek(&mut self) -> Result<Option<u8>, AnnotationError> {
        loop {
            let chunk = self.chunk()?;
            let Some(&first) = chunk.first() else { return Ok(None) };
            match chunk.iter().position(|byte| !byte.is_ascii_whitespace()) {
                Some(0) => return Ok(Some(first)),
                Some(blanks) => self.consume(blanks),
                None => {
                    let blanks = chunk.len();
                    self.consume(blanks);
                }
            }
        }
    }

    fn expect(&mut self, byte: u8, what: &str) -> Result<(), AnnotationError> {
        if self.skip_if(byte)? {
            return Ok(());
        }
        self.expected(what)
    }

    /// The error for what should come next.
    fn expected<T>(&mut self, what: &str) -> Result<T, AnnotationError> {
        let found = match self.peek()? {
            None => "the end of the file".to_owned(),
            Some(byte @ b' '..=b'~') => format!("{:?}", char::from(byte)),
            Some(byte) => format!("the byte {byte:#04x}"),
        };
        Err(self.syntax(what, &found))
    }

    fn skip_if(&mut self, byte: u8) -> Result<bool, AnnotationError> {
        let is_next = self.peek()? == Some(byte);
        if is_next {
            self.consume(1);
        }
        Ok(is_next)
    }

    fn chunk(&mut self) -> Result<&[u8], AnnotationError> {
        let Self { path, reader, .. } = self;
        loop {
            match reader.fill_buf() {
                // A second call returns the same bytes; the borrow checker requires it.
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(AnnotationError::read(path, source)),
            }
        }
        Ok(reader.buffer())
    }

    fn consume(&mut self, bytes: usize) {
        self.reader.consume(bytes);
        self.offset += bytes as u64;
    }

    fn syntax(&self, expected: &str, found: &str) -> AnnotationError {
        let mend = match (self.offset, found) {
            (_, "the end of the file") => {
                "the file is empty or cut off: write or download it again"
            }
            (0, "'<'") => "this looks like a web page: download the file itself",
            (0, "'['") => {
                "a list of results is not an annotation file: give the annotations instead"
            }
            (0, "'{'") => "an annotation file is not a list of results: give the results instead",
            _ => "the file is not JSON from here on: write or download it again",
        };
        let fault = Fault::new("", expected, found, mend);
        AnnotationError::wrong(&self.path, format!("byte {}", self.offset), fault)
    }
}

/// Recognizes files that are not UTF-8 text by their first bytes; returns what they are and the
/// remedy.
fn other_content(start: &[u8]) -> Option<(&'static str, &'static str)> {
    const SAVE: &str = "save the file as UTF-8 (in PowerShell: `| Out-File -Encoding utf8 FILE`)";
    const UNPACK: &str = "unpack it first";
    match start {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some(("UTF-32 text", SAVE)),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some(("UTF-16 text with a byte order mark", SAVE)),
        [0, b'{' | b'[', ..] | [b'{' | b'[', 0, ..] => Some(("UTF-16 text", SAVE)),
        [0x1f, 0x8b, ..] => Some(("a gzip archive", UNPACK)),
        [b'P', b'K', 3, 4, ..] => Some(("a zip archive", UNPACK)),
        _ => None,
    }
}
