//! One YAML document as a tree of nodes that remember their lines.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};

use super::node::{Content, Field, Node};
use super::{scalar, tag};
use crate::{ConfigError, Origin, Value};

/// Largest file that is read.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Deepest nesting of sections and lists.
const MAX_DEPTH: usize = 32;
/// Limit of the size of the tree after aliases are expanded, in nodes and 16-byte pieces of text.
const MAX_COST: usize = 20_000;

/// Reads the keys of the YAML file `path`.
pub(super) fn load(path: &Path) -> Result<Vec<Field>, ConfigError> {
    parse(&read_text(path)?, path)
}

/// Reads the keys of a text; messages name `path`.
pub(crate) fn parse(text: &str, path: &Path) -> Result<Vec<Field>, ConfigError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut loader = Loader {
        parser: Parser::new_from_str(text),
        path: path.into(),
        anchors: HashMap::new(),
        cost: 0,
    };
    loader.check_characters(text)?;
    loader.document()
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    let read_error = |source| ConfigError::Read { path: path.to_owned(), source };
    let file_error = |message: String| ConfigError::File { path: path.to_owned(), message };
    let file = std::fs::File::open(path).map_err(read_error)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(read_error)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(file_error(format!("expected at most {MAX_FILE_BYTES} bytes, found more")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        file_error(format!("expected UTF-8 text, found other bytes at offset {offset}"))
    })
}

struct Loader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    path: Arc<Path>,
    anchors: HashMap<usize, Node>,
    cost: usize,
}

impl<'a> Loader<'a> {
    fn error(&self, at: Marker, message: impl Into<String>) -> ConfigError {
        let path = self.path.to_path_buf();
        let (line, column) = (at.line(), at.col() + 1);
        ConfigError::Syntax { path, line, column, message: message.into() }
    }

    /// YAML has no control characters; the parser would take some for the end of the file.
    fn check_characters(&self, text: &str) -> Result<(), ConfigError> {
        let is_bad = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
        for (index, line) in text.split('\n').enumerate() {
            if let Some((column, c)) = line.chars().enumerate().find(|(_, c)| is_bad(*c)) {
                let at = Marker::new(0, index + 1, column);
                let message = format!("control character U+{:04X} in the text", u32::from(c));
                return Err(self.error(at, message));
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), ConfigError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.error(*error.marker(), error.info())),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Result<Vec<Field>, ConfigError> {
        let node = loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd => break None,
                event => break Some((self.node(event, span, 0)?, span)),
            }
        };
        let empty = || ConfigError::File {
            path: self.path.to_path_buf(),
            message: "expected KEY: VALUE lines, found an empty file".to_owned(),
        };
        let (node, span) = node.ok_or_else(empty)?;
        let fields = match node.content {
            Content::Mapping(fields) => fields,
            Content::Scalar(Value::None, _) => return Err(empty()),
            _ => return Err(self.error(span.start, "expected KEY: VALUE lines")),
        };
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(fields),
                Event::DocumentStart(_) => {
                    return Err(self.error(span.start, "expected one document, found a second"));
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, ConfigError> {
        if depth > MAX_DEPTH {
            return Err(self.error(span.start, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let (anchor, node) = match event {
            Event::Alias(anchor) => {
                let message = "this alias refers to a value that contains it";
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or_else(|| self.error(span.start, message))?;
                self.spend(node.cost, span)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = match tag {
                    Some(tag) => tag::scalar(&tag, &text),
                    None if style == ScalarStyle::Plain => scalar::resolve(&text),
                    None => Ok(Value::Str(text.to_string())),
                };
                let value = value.map_err(|message| self.error(span.start, message))?;
                let cost = 1 + text.len() / 16;
                self.spend(cost, span)?;
                (anchor, Node { content: Content::Scalar(value, text.into_owned()), cost })
            }
            Event::SequenceStart(anchor, tag) => {
                tag::check(tag.as_deref(), &["seq", "python/tuple", "python/list"])
                    .map_err(|message| self.error(span.start, message))?;
                (anchor, self.sequence(span, depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                tag::check(tag.as_deref(), &["map", "python/dict"])
                    .map_err(|message| self.error(span.start, message))?;
                (anchor, self.mapping(span, depth)?)
            }
            _ => return Err(self.error(span.start, "expected a value")),
        };
        if anchor != 0 {
            self.spend(node.cost, span)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn spend(&mut self, cost: usize, span: Span) -> Result<(), ConfigError> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > MAX_COST {
            return Err(self.error(span.start, "too many values, counting aliases"));
        }
        Ok(())
    }

    fn sequence(&mut self, span: Span, depth: usize) -> Result<Node, ConfigError> {
        self.spend(1, span)?;
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                let cost = items.iter().map(|item: &Node| item.cost).sum::<usize>() + 1;
                return Ok(Node { content: Content::Sequence(items), cost });
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn mapping(&mut self, span: Span, depth: usize) -> Result<Node, ConfigError> {
        self.spend(1, span)?;
        let mut fields: Vec<Field> = Vec::new();
        let mut merged = None;
        loop {
            let (event, span) = self.next()?;
            let (name, is_merge) = match event {
                Event::MappingEnd => break,
                Event::Scalar(name, style, _, tag) => {
                    let is_plain = style == ScalarStyle::Plain && tag.is_none();
                    let is_merge = is_plain && name == "<<";
                    (name.into_owned(), is_merge)
                }
                _ => return Err(self.error(span.start, "expected a key, which is text")),
            };
            self.spend(1, span)?;
            let origin = Origin::File { path: Arc::clone(&self.path), line: span.start.line() };
            let is_duplicate = if is_merge {
                merged.is_some()
            } else {
                fields.iter().any(|field| field.name == name)
            };
            if is_duplicate {
                return Err(self.error(span.start, format!("the key {name} is given twice")));
            }
            let (event, value_span) = self.next()?;
            let node = self.node(event, value_span, depth + 1)?;
            if is_merge {
                merged = Some((node, value_span));
            } else {
                fields.push(Field { name, origin, node });
            }
        }
        if let Some((node, span)) = merged {
            self.merge_key(&mut fields, node, span)?;
        }
        Ok(Node::mapping(fields))
    }

    /// Adds the keys of `<<: *section` that the section does not give itself.
    fn merge_key(
        &self,
        fields: &mut Vec<Field>,
        node: Node,
        span: Span,
    ) -> Result<(), ConfigError> {
        let sections = match node.content {
            Content::Sequence(items) => items,
            _ => vec![node],
        };
        for section in sections {
            let Content::Mapping(inherited) = section.content else {
                return Err(self.error(span.start, "expected a section to merge"));
            };
            for field in inherited {
                if fields.iter().all(|known| known.name != field.name) {
                    fields.push(field);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
