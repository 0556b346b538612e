//! The stack machine.

mod literals;
mod objects;

use std::collections::HashMap;

use super::{Graph, Node, NodeId};
use crate::error::Reason;
use crate::source::Source;

/// Pushes, values and memo entries in one pickle. The largest checkpoints need several ten
/// thousand.
const MAX_ITEMS: usize = 4_000_000;

const NONE: NodeId = NodeId(0);
const FALSE: NodeId = NodeId(1);
const TRUE: NodeId = NodeId(2);
const EMPTY_TUPLE: NodeId = NodeId(3);

pub(super) struct Machine<'a> {
    source: &'a mut Source,
    nodes: Vec<Node>,
    stack: Vec<NodeId>,
    marks: Vec<usize>,
    memo: HashMap<u64, NodeId>,
    num_items: usize,
    /// Offset of the current opcode in the file.
    opcode_at: u64,
}

impl<'a> Machine<'a> {
    pub(super) fn new(source: &'a mut Source) -> Self {
        let nodes = vec![Node::None, Node::Bool(false), Node::Bool(true), Node::Tuple(Vec::new())];
        Self {
            source,
            nodes,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            num_items: 0,
            opcode_at: 0,
        }
    }

    pub(super) fn run(mut self) -> Result<Graph, Reason> {
        loop {
            self.opcode_at = self.source.position();
            let opcode = self.source.byte()?;
            if opcode == b'.' {
                let root = self.pop()?;
                return Ok(Graph { nodes: self.nodes, root });
            }
            self.step(opcode)?;
        }
    }

    fn step(&mut self, opcode: u8) -> Result<(), Reason> {
        match opcode {
            0x80 => self.check_protocol(),
            0x95 => self.source.array::<8>().map(|_frame_len| ()),
            b'(' | b'0' | b'1' | b'2' => self.step_stack(opcode),
            b'p' | b'q' | b'r' | 0x94 | b'g' | b'h' | b'j' => self.step_memo(opcode),
            b'N' => self.push(NONE),
            0x88 => self.push(TRUE),
            0x89 => self.push(FALSE),
            b'I' | b'J' | b'K' | b'M' | b'L' | 0x8a | 0x8b | b'F' | b'G' => {
                self.step_number(opcode)
            }
            b'S' | b'T' | b'U' | b'V' | b'X' | 0x8c | 0x8d | b'B' | b'C' | 0x8e | 0x96 => {
                self.step_string(opcode)
            }
            b')' | b't' | 0x85..=0x87 | b']' | b'l' | b'a' | b'e' | 0x8f..=0x91 => {
                self.step_sequence(opcode)
            }
            b'}' | b'd' | b's' | b'u' => self.step_dict(opcode),
            b'c' | 0x93 | b'i' | b'o' | b'R' | b'b' | 0x81 | 0x92 | b'P' | b'Q' => {
                self.step_object(opcode)
            }
            _ => Err(self.source.malformed(format!("unknown opcode 0x{opcode:02x}"))),
        }
    }

    fn check_protocol(&mut self) -> Result<(), Reason> {
        match self.source.byte()? {
            0..=5 => Ok(()),
            version => {
                Err(self.source.malformed(format!("expected protocol 0 to 5, found {version}")))
            }
        }
    }

    fn step_stack(&mut self, opcode: u8) -> Result<(), Reason> {
        match opcode {
            b'(' => {
                self.count_item()?;
                self.marks.push(self.stack.len());
                Ok(())
            }
            // A POP directly above a mark removes the mark.
            b'0' if self.marks.last() == Some(&self.stack.len()) => self.pop_mark().map(drop),
            b'0' => self.pop().map(drop),
            b'1' => self.pop_mark().map(drop),
            _ => {
                let top = self.top()?;
                self.push(top)
            }
        }
    }

    fn step_memo(&mut self, opcode: u8) -> Result<(), Reason> {
        let key = match opcode {
            b'p' | b'g' => self.number_line::<u64>()?,
            b'q' | b'h' => u64::from(self.source.byte()?),
            b'r' | b'j' => u64::from(u32::from_le_bytes(self.source.array()?)),
            _ => self.memo.len() as u64,
        };
        if matches!(opcode, b'g' | b'h' | b'j') {
            let Some(&id) = self.memo.get(&key) else {
                return Err(self.source.malformed(format!("memo {key} was never set")));
            };
            return self.push(id);
        }
        self.count_item()?;
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    fn count_item(&mut self) -> Result<(), Reason> {
        self.num_items += 1;
        if self.num_items > MAX_ITEMS {
            return Err(self.source.malformed(format!("more than {MAX_ITEMS} values")));
        }
        Ok(())
    }

    fn add(&mut self, node: Node) -> Result<NodeId, Reason> {
        self.count_item()?;
        // `MAX_ITEMS` keeps the index within 32 bits.
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(node);
        Ok(id)
    }

    fn push_node(&mut self, node: Node) -> Result<(), Reason> {
        let id = self.add(node)?;
        self.push(id)
    }

    fn push(&mut self, id: NodeId) -> Result<(), Reason> {
        self.count_item()?;
        self.stack.push(id);
        Ok(())
    }

    fn top(&self) -> Result<NodeId, Reason> {
        self.stack.last().copied().ok_or_else(|| self.source.malformed("the stack is empty"))
    }

    fn pop(&mut self) -> Result<NodeId, Reason> {
        if self.marks.last() == Some(&self.stack.len()) {
            return Err(self.source.malformed("expected a value, found a mark"));
        }
        self.stack.pop().ok_or_else(|| self.source.malformed("the stack is empty"))
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<NodeId>, Reason> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(count) {
            Some(start) if start >= floor => Ok(self.stack.split_off(start)),
            _ => Err(self.source.malformed("the stack is empty")),
        }
    }

    fn pop_mark(&mut self) -> Result<Vec<NodeId>, Reason> {
        let Some(start) = self.marks.pop() else {
            return Err(self.source.malformed("expected a mark"));
        };
        // Values below a mark are never removed, so the stack reaches at least to the mark.
        Ok(self.stack.split_off(start.min(self.stack.len())))
    }
}
