//! Long JSON lists, one element at a time.
//!
//! Annotations and results are lists of some hundred megabytes. Cutting them into elements first
//! keeps one element in memory instead of the text of all, and a fault can be told by its place in
//! the list and the field. Elements are parsed by all threads.

mod bits;
mod counts;
mod cursor;
mod element;
mod nesting;

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

pub(crate) use self::cursor::Cursor;
pub(crate) use self::element::{find_id, parse_element};
use self::nesting::Nesting;
use crate::EvaluationError;

/// Fewer, larger reads than the 8 KiB of the standard library.
const BUFFER_BYTES: usize = 1 << 18;
/// How much text is parsed at once, at least: some ten elements.
const BATCH_BYTES: usize = 1 << 21;

/// A JSON file that is read from front to back.
#[derive(Debug)]
pub(crate) struct JsonFile {
    path: PathBuf,
    reader: BufReader<File>,
    offset: u64,
}

/// Elements of a list, one behind the other.
#[derive(Debug, Default)]
struct Batch {
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Whether the list ends here.
    is_last: bool,
}

impl JsonFile {
    pub(crate) fn open(path: &Path) -> Result<Self, EvaluationError> {
        let file = File::open(path).map_err(|source| EvaluationError::read(path, source))?;
        let reader = BufReader::with_capacity(BUFFER_BYTES, file);
        Ok(Self { path: path.to_path_buf(), reader, offset: 0 })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Visits `key` and leaves it to `visit` to read the value, for every key of an object.
    pub(crate) fn for_each_key(
        &mut self,
        mut visit: impl FnMut(&mut Self, &str) -> Result<(), EvaluationError>,
    ) -> Result<(), EvaluationError> {
        self.expect(b'{', "an object")?;
        if self.skip_if(b'}')? {
            return Ok(());
        }
        loop {
            let mut key = Vec::new();
            self.read_value(&mut key)?;
            let name: String = serde_json::from_slice(&key)
                .map_err(|_error| self.syntax("expected a key in quotes"))?;
            self.expect(b':', "':' after a key")?;
            visit(self, &name)?;
            if self.skip_if(b'}')? {
                return Ok(());
            }
            self.expect(b',', "',' or '}' after a value")?;
        }
    }

    /// Parses every element of a list, given with its index.
    ///
    /// One thread reads on while the others parse; a few megabytes of text are in memory.
    pub(crate) fn parse_list<T: Send>(
        &mut self,
        parse: impl Fn(usize, &[u8]) -> Result<T, EvaluationError> + Sync,
    ) -> Result<Vec<T>, EvaluationError> {
        self.expect(b'[', "a list")?;
        let mut parsed = Vec::new();
        if self.skip_if(b']')? {
            return Ok(parsed);
        }
        // Two batches take turns, so that their memory is asked for only once.
        let [mut batch, mut next] = [Batch::default(), Batch::default()];
        self.read_batch(&mut batch)?;
        loop {
            let first = parsed.len();
            let (elements, outcome) = rayon::join(
                || batch.parse(first, &parse),
                || if batch.is_last { Ok(()) } else { self.read_batch(&mut next) },
            );
            for element in elements {
                parsed.push(element?);
            }
            outcome?;
            if batch.is_last {
                return Ok(parsed);
            }
            std::mem::swap(&mut batch, &mut next);
        }
    }

    /// Reads elements in place of those in `batch`.
    fn read_batch(&mut self, batch: &mut Batch) -> Result<(), EvaluationError> {
        batch.text.clear();
        batch.ends.clear();
        while batch.text.len() < BATCH_BYTES && !batch.is_last {
            self.read_value(&mut batch.text)?;
            batch.ends.push(batch.text.len());
            batch.is_last = self.skip_if(b']')?;
            if !batch.is_last {
                self.expect(b',', "',' or ']' after an element")?;
            }
        }
        Ok(())
    }

    /// Skips `null`, or tells that something else follows.
    pub(crate) fn skip_null(&mut self) -> Result<bool, EvaluationError> {
        if self.peek()? != Some(b'n') {
            return Ok(false);
        }
        let mut value = Vec::new();
        self.read_value(&mut value)?;
        if value == b"null" { Ok(true) } else { Err(self.syntax("expected a list or null")) }
    }

    /// Appends the text of one value, whatever it is.
    pub(crate) fn read_value(&mut self, text: &mut Vec<u8>) -> Result<(), EvaluationError> {
        match self.peek()? {
            None | Some(b',' | b':' | b']' | b'}') => return Err(self.syntax("expected a value")),
            Some(b'"' | b'[' | b'{') => {}
            Some(_) => return self.read_scalar(text),
        }
        let mut nesting = Nesting::default();
        loop {
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                return Err(self.syntax("the file ends inside a value"));
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

    /// Makes sure that nothing follows.
    pub(crate) fn finish(&mut self) -> Result<(), EvaluationError> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.syntax("expected the end of the file")),
        }
    }

    /// Reads a number, `true`, `false` or `null`; the text is checked by whoever parses it.
    fn read_scalar(&mut self, text: &mut Vec<u8>) -> Result<(), EvaluationError> {
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

    /// Returns the next byte that is not white space, without taking it.
    fn peek(&mut self) -> Result<Option<u8>, EvaluationError> {
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

    fn expect(&mut self, byte: u8, what: &str) -> Result<(), EvaluationError> {
        if self.skip_if(byte)? {
            return Ok(());
        }
        let found = self.peek()?.map(char::from);
        let found = found.map_or("the end of the file".to_owned(), |found| format!("{found:?}"));
        Err(self.syntax(&format!("expected {what}, found {found}")))
    }

    fn skip_if(&mut self, byte: u8) -> Result<bool, EvaluationError> {
        let is_next = self.peek()? == Some(byte);
        if is_next {
            self.consume(1);
        }
        Ok(is_next)
    }

    fn chunk(&mut self) -> Result<&[u8], EvaluationError> {
        let Self { path, reader, .. } = self;
        loop {
            match reader.fill_buf() {
                // A second call gives the same bytes; the borrow checker needs the detour.
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(EvaluationError::read(path, source)),
            }
        }
        Ok(reader.buffer())
    }

    fn consume(&mut self, bytes: usize) {
        self.reader.consume(bytes);
        self.offset += bytes as u64;
    }

    fn syntax(&self, message: &str) -> EvaluationError {
        let (path, message) = (self.path.clone(), message.to_owned());
        EvaluationError::Syntax { path, offset: self.offset, message }
    }
}

impl Batch {
    /// Parses the elements, of which the first has the index `first` in the list.
    fn parse<T: Send>(
        &self,
        first: usize,
        parse: &(impl Fn(usize, &[u8]) -> Result<T, EvaluationError> + Sync),
    ) -> Vec<Result<T, EvaluationError>> {
        let element = |index: usize| {
            let start = if index == 0 { 0 } else { self.ends[index - 1] };
            parse(first + index, &self.text[start..self.ends[index]])
        };
        (0..self.ends.len()).into_par_iter().map(element).collect()
    }
}
