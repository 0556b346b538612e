//! Streamed XML: the beginnings of elements, their attributes, and text.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use seqformer_annotations::Fault;

use crate::{ConvertError, text_file};

/// An XML file that is read from front to back.
pub(crate) struct XmlFile {
    path: PathBuf,
    reader: Reader<BufReader<File>>,
    buffer: Vec<u8>,
    /// The names of the elements around the place that is read.
    stack: Vec<String>,
    /// Whether the last element was empty (`<a/>`), so that its end is the next node.
    ends: bool,
}

/// A node of the file.
#[derive(Debug)]
pub(crate) enum Node {
    /// An element begins.
    Open(Element),
    /// The element of this name ends.
    Close(String),
    /// Text of the innermost element, or a part of it.
    Text(String),
}

/// An element without what is in it.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    /// Its name.
    pub(crate) name: String,
    attributes: BTreeMap<String, String>,
}

impl XmlFile {
    /// Opens a file.
    pub(crate) fn open(path: &Path) -> Result<Self, ConvertError> {
        let file = File::open(path).map_err(|source| ConvertError::read(path, source))?;
        let mut file = BufReader::with_capacity(1 << 16, file);
        let start = file.fill_buf().map_err(|source| ConvertError::read(path, source))?;
        text_file::check_encoding(path, start)?;
        let reader = Reader::from_reader(file);
        let (buffer, stack) = (Vec::new(), Vec::new());
        Ok(Self { path: path.to_path_buf(), reader, buffer, stack, ends: false })
    }

    /// Returns the file's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the names of the elements around the place that is read, outermost first.
    pub(crate) fn stack(&self) -> &[String] {
        &self.stack
    }

    /// Returns the next node; `None` at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<Node>, ConvertError> {
        if std::mem::take(&mut self.ends) {
            return Ok(self.stack.pop().map(Node::Close));
        }
        loop {
            self.buffer.clear();
            let event = self.reader.read_event_into(&mut self.buffer);
            let event = match event {
                Ok(event) => event.into_owned(),
                Err(quick_xml::Error::Io(error)) => {
                    let source = std::io::Error::new(error.kind(), error.to_string());
                    return Err(ConvertError::read(&self.path, source));
                }
                Err(error) => return Err(self.syntax(&error.to_string())),
            };
            match event {
                Event::Start(start) => return self.open_element(&start, false),
                Event::Empty(start) => return self.open_element(&start, true),
                Event::End(_) => return Ok(self.stack.pop().map(Node::Close)),
                Event::Text(text) => {
                    let text = text.decode().map_err(|error| self.syntax(&error.to_string()))?;
                    return Ok(Some(Node::Text(text.into_owned())));
                }
                Event::CData(text) => {
                    let text = text.decode().map_err(|error| self.syntax(&error.to_string()))?;
                    return Ok(Some(Node::Text(text.into_owned())));
                }
                Event::GeneralRef(reference) => {
                    let character = reference.resolve_char_ref().ok().flatten();
                    let name = reference.decode().unwrap_or_default().into_owned();
                    let text = character.map(String::from);
                    let text = text.or_else(|| resolve_predefined_entity(&name).map(str::to_owned));
                    let found = || {
                        self.syntax(&format!(
                            "the entity &{name};, which the file does not explain"
                        ))
                    };
                    return Ok(Some(Node::Text(text.ok_or_else(found)?)));
                }
                Event::Eof if !self.stack.is_empty() => {
                    return Err(self.syntax("the end of the file inside an element"));
                }
                Event::Eof => return Ok(None),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
    }

    fn open_element(
        &mut self,
        start: &quick_xml::events::BytesStart<'_>,
        ends: bool,
    ) -> Result<Option<Node>, ConvertError> {
        let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
        let mut attributes = BTreeMap::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| self.syntax(&error.to_string()))?;
            let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
            let value =
                attribute.unescape_value().map_err(|error| self.syntax(&error.to_string()))?;
            attributes.insert(key, value.into_owned());
        }
        self.stack.push(name.clone());
        self.ends = ends;
        Ok(Some(Node::Open(Element { name, attributes })))
    }

    fn syntax(&self, found: &str) -> ConvertError {
        let place = format!("byte {}", self.reader.buffer_position());
        let fault = Fault::new("", "XML", found, "the file is broken or cut off: export it again");
        ConvertError::wrong(&self.path, place, fault)
    }
}

impl Element {
    /// Returns an attribute.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.attributes.get(key).map(String::as_str)
    }

    /// Returns a required attribute.
    pub(crate) fn required(&self, key: &str) -> Result<&str, Fault> {
        self.get(key).ok_or_else(|| {
            Fault::new(key, "an attribute", "no such attribute", "export the file again")
        })
    }

    /// Reads a finite number.
    pub(crate) fn number(&self, key: &str) -> Result<f64, Fault> {
        let text = self.required(key)?;
        finite(text).ok_or_else(|| {
            Fault::new(key, "a finite number", format!("{text:?}"), "correct the number")
        })
    }

    /// Reads a whole number of 0 or more, up to `max`.
    pub(crate) fn count(&self, key: &str, max: u32) -> Result<u32, Fault> {
        let text = self.required(key)?;
        let number = text.trim().parse::<u32>().ok().filter(|&number| number <= max);
        number.ok_or_else(|| {
            let expected = format!("a whole number from 0 to {max}");
            Fault::new(key, expected, format!("{text:?}"), "correct the number")
        })
    }

    /// Returns whether an attribute is `1`.
    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.get(key) == Some("1")
    }
}

/// Reads a finite number.
pub(crate) fn finite(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}
