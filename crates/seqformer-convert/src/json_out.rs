//! JSON files with long lists, written one element at a time.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};

use serde::Serialize;

/// An object of JSON that is being written.
#[derive(Debug)]
pub struct JsonOut<'a> {
    to: BufWriter<&'a mut File>,
    is_first_key: bool,
    is_first_element: bool,
}

impl<'a> JsonOut<'a> {
    /// Begins the object.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn new(file: &'a mut File) -> io::Result<Self> {
        let mut to = BufWriter::with_capacity(1 << 18, file);
        to.write_all(b"{")?;
        Ok(Self { to, is_first_key: true, is_first_element: true })
    }

    /// Writes a key and its value.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn value(&mut self, key: &str, value: &impl Serialize) -> io::Result<()> {
        self.key(key)?;
        Ok(serde_json::to_writer(&mut self.to, value)?)
    }

    /// Writes a key and its value, which is JSON already.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn raw_value(&mut self, key: &str, value: &[u8]) -> io::Result<()> {
        self.key(key)?;
        self.to.write_all(value)
    }

    /// Begins a list.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn begin_list(&mut self, key: &str) -> io::Result<()> {
        self.key(key)?;
        self.is_first_element = true;
        self.to.write_all(b"[")
    }

    /// Writes an element of the list.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn element(&mut self, element: &impl Serialize) -> io::Result<()> {
        self.separate()?;
        Ok(serde_json::to_writer(&mut self.to, element)?)
    }

    /// Writes an element that is JSON already.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn raw_element(&mut self, element: &[u8]) -> io::Result<()> {
        self.separate()?;
        self.to.write_all(element)
    }

    /// Ends the list.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn end_list(&mut self) -> io::Result<()> {
        self.to.write_all(b"]")
    }

    /// Ends the object.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
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
