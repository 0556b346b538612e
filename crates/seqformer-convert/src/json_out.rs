//! JSON files with long lists, written one element at a time.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};

use serde::Serialize;

/// An object of JSON that is being written.
#[derive(Debug)]
pub(crate) struct JsonOut<'a> {
    to: BufWriter<&'a mut File>,
    is_first_key: bool,
    is_first_element: bool,
}

impl<'a> JsonOut<'a> {
    /// Begins the object.
    pub(crate) fn new(file: &'a mut File) -> io::Result<Self> {
        let mut to = BufWriter::with_capacity(1 << 18, file);
        to.write_all(b"{")?;
        Ok(Self { to, is_first_key: true, is_first_element: true })
    }

    /// Writes a key and its value.
    pub(crate) fn value(&mut self, key: &str, value: &impl Serialize) -> io::Result<()> {
        self.key(key)?;
        Ok(serde_json::to_writer(&mut self.to, value)?)
    }

    /// Begins a list.
    pub(crate) fn begin_list(&mut self, key: &str) -> io::Result<()> {
        self.key(key)?;
        self.is_first_element = true;
        self.to.write_all(b"[")
    }

    /// Writes an element of the list.
    pub(crate) fn element(&mut self, element: &impl Serialize) -> io::Result<()> {
        self.separate()?;
        Ok(serde_json::to_writer(&mut self.to, element)?)
    }

    /// Writes an element that is JSON already.
    pub(crate) fn raw_element(&mut self, element: &str) -> io::Result<()> {
        self.separate()?;
        self.to.write_all(element.as_bytes())
    }

    /// Ends the list.
    pub(crate) fn end_list(&mut self) -> io::Result<()> {
        self.to.write_all(b"]")
    }

    /// Ends the object.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.to.write_all(b"}\n")?;
        self.to.flush()
    }

    fn key(&mut self, key: &str) -> io::Result<()> {
        self.to.write_all(if self.is_first_key { b"" } else { b",\n" })?;
        self.is_first_key = false;
        serde_json::to_writer(&mut self.to, key)?;
        self.to.write_all(b": ")
    }

    fn separate(&mut self) -> io::Result<()> {
        self.to.write_all(if self.is_first_element { b"\n" } else { b",\n" })?;
        self.is_first_element = false;
        Ok(())
    }
}
