//! Values of a YAML file, with the lines of their keys.

use crate::{Origin, Value};

/// A value as the file has it.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) content: Content,
    /// Its size, in nodes and 16-byte pieces of text.
    pub(super) cost: usize,
}

/// What a [`Node`] holds.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// A scalar: its value and its text.
    Scalar(Value, String),
    /// A list.
    Sequence(Vec<Node>),
    /// A section.
    Mapping(Vec<Field>),
}

/// A key of a section, with its value.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) node: Node,
}

impl Node {
    /// A section.
    pub(crate) fn mapping(fields: Vec<Field>) -> Self {
        let cost = fields.iter().map(|field| field.node.cost + 1).sum::<usize>() + 1;
        Self { content: Content::Mapping(fields), cost }
    }

    /// The value, unless a section is in it.
    pub(crate) fn to_value(&self) -> Option<Value> {
        match &self.content {
            Content::Scalar(value, _) => Some(value.clone()),
            Content::Sequence(items) => {
                items.iter().map(Self::to_value).collect::<Option<_>>().map(Value::List)
            }
            Content::Mapping(_) => None,
        }
    }
}
