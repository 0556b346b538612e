//! Just enough of pickle to find tensors; files are never executed.
//!
//! The format is a program for a stack machine (documented in Python's `Lib/pickletools.py`). Here the machine builds a
//! graph: calls of classes and functions become [`Node::Call`], which are later interpreted by name or ignored. Names
//! that could do harm are refused at once.

mod danger;
mod machine;

use crate::error::Reason;
use crate::source::Source;

/// The index of a node in its [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(u32);

/// One value of the pickle.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Box<str>),
    /// Bytes, or a string of Python 2.
    Bytes(Box<[u8]>),
    /// A long string or bytes left in the file; `utf8` if it is text.
    Span {
        offset: u64,
        len: u64,
        utf8: bool,
    },
    Tuple(Vec<NodeId>),
    /// A list or a set.
    List(Vec<NodeId>),
    Dict(Vec<(NodeId, NodeId)>),
    /// `module` and `name`, joined by a full stop.
    Global(Box<str>),
    /// `callable(*args)`, later given `state`.
    Call {
        callable: NodeId,
        args: NodeId,
        state: Option<NodeId>,
    },
    /// An object that lives outside the pickle, such as a tensor's storage.
    Persistent(NodeId),
    /// An integer beyond 127 bits.
    HugeInt,
}

/// The values of a pickle and how they refer to each other; cycles are possible.
#[derive(Debug)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    root: NodeId,
}

/// Interprets the pickle at the source's position and stops right after it.
pub(crate) fn load(source: &mut Source) -> Result<Graph, Reason> {
    source.set_format("pickle");
    machine::Machine::new(source).run()
}

impl Graph {
    /// Reads the long strings that are text, such as a configuration, as far as they fit `budget` bytes; the position
    /// of the source changes.
    pub(crate) fn read_long_texts(
        &mut self,
        source: &mut Source,
        mut budget: u64,
    ) -> Result<(), Reason> {
        for node in &mut self.nodes {
            let Node::Span { offset, len, utf8: true } = *node else { continue };
            if len <= budget {
                budget -= len;
                source.set_window(offset, len)?;
                *node = Node::Text(String::from_utf8_lossy(&source.bytes(len)?).into());
            }
        }
        Ok(())
    }

    pub(crate) fn root(&self) -> NodeId {
        self.root
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A string, also one of Python 2.
    pub(crate) fn text(&self, id: NodeId) -> Option<&str> {
        match self.node(id) {
            Node::Text(text) => Some(text),
            Node::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    pub(crate) fn usize(&self, id: NodeId) -> Option<usize> {
        match self.node(id) {
            Node::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The elements of a tuple or list.
    pub(crate) fn sequence(&self, id: NodeId) -> Option<&[NodeId]> {
        match self.node(id) {
            Node::Tuple(items) | Node::List(items) => Some(items),
            // `torch.Size((2, 3))` and its like.
            Node::Call { args, .. } if self.callee(id) == Some("torch.Size") => {
                match self.node(*args) {
                    Node::Tuple(args) => match self.node(*args.first()?) {
                        Node::Tuple(items) | Node::List(items) => Some(items),
                        _ => None,
                    },
                    _ => None,
                }
            }
            _ => None,
        }
    }

    pub(crate) fn dict(&self, id: NodeId) -> Option<&[(NodeId, NodeId)]> {
        match self.node(id) {
            Node::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    pub(crate) fn global(&self, id: NodeId) -> Option<&str> {
        match self.node(id) {
            Node::Global(name) => Some(name),
            _ => None,
        }
    }

    /// The name of the function that the call at `id` calls.
    pub(crate) fn callee(&self, id: NodeId) -> Option<&str> {
        match self.node(id) {
            Node::Call { callable, .. } => self.global(*callable),
            _ => None,
        }
    }

    /// The arguments of the call at `id`.
    pub(crate) fn args(&self, id: NodeId) -> Option<&[NodeId]> {
        match self.node(id) {
            Node::Call { args, .. } => self.sequence(*args),
            _ => None,
        }
    }

    /// Describes the node in a few words.
    pub(crate) fn describe(&self, id: NodeId) -> String {
        match self.node(id) {
            Node::None => "None".to_owned(),
            Node::Bool(_) => "a bool".to_owned(),
            Node::Int(_) | Node::HugeInt => "an integer".to_owned(),
            Node::Float(_) => "a float".to_owned(),
            Node::Text(_) => "a string".to_owned(),
            Node::Bytes(_) => "bytes".to_owned(),
            Node::Span { utf8, .. } => (if *utf8 { "a string" } else { "bytes" }).to_owned(),
            Node::Tuple(_) => "a tuple".to_owned(),
            Node::List(_) => "a list".to_owned(),
            Node::Dict(_) => "a dict".to_owned(),
            Node::Global(name) => format!("the name {}", shortened(name)),
            Node::Call { .. } => match self.callee(id) {
                Some(name) => format!("an object of {}", shortened(name)),
                None => "an object of an unknown class".to_owned(),
            },
            Node::Persistent(_) => "a storage".to_owned(),
        }
    }
}

/// The first characters of a name from the file, suitable for a message.
pub(crate) fn shortened(name: &str) -> String {
    const LIMIT: usize = 120;
    let clean = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    if name.chars().nth(LIMIT).is_some() {
        clean.take(LIMIT).chain(['…']).collect()
    } else {
        clean.collect()
    }
}

#[cfg(test)]
mod tests;
