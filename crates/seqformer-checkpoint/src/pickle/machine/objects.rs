//! Tuples, lists, dicts, and objects built by classes and functions.

use super::{EMPTY_TUPLE, Machine};
use crate::error::Reason;
use crate::pickle::danger::is_dangerous;
use crate::pickle::{Node, NodeId, shortened};

impl Machine<'_> {
    pub(super) fn step_sequence(&mut self, opcode: u8) -> Result<(), Reason> {
        match opcode {
            b')' => self.push(EMPTY_TUPLE),
            b't' => {
                let items = self.pop_mark()?;
                self.push_node(Node::Tuple(items))
            }
            0x85..=0x87 => {
                let items = self.pop_many(usize::from(opcode - 0x84))?;
                self.push_node(Node::Tuple(items))
            }
            b']' | 0x8f => self.push_node(Node::List(Vec::new())),
            b'l' | 0x91 => {
                let items = self.pop_mark()?;
                self.push_node(Node::List(items))
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])
            }
            _ => {
                let items = self.pop_mark()?;
                self.extend(items)
            }
        }
    }

    /// Appends to the list on top; items of other objects are ignored.
    fn extend(&mut self, items: Vec<NodeId>) -> Result<(), Reason> {
        let list = self.top()?;
        if let Node::List(list) = self.node_mut(list) {
            list.extend(items);
        }
        Ok(())
    }

    pub(super) fn step_dict(&mut self, opcode: u8) -> Result<(), Reason> {
        let items = match opcode {
            b'}' => return self.push_node(Node::Dict(Vec::new())),
            b's' => self.pop_many(2)?,
            _ => self.pop_mark()?,
        };
        let (pairs, []) = items.as_chunks::<2>() else {
            return Err(self.source.malformed("a dict key without its value"));
        };
        let pairs = pairs.iter().map(|&[key, value]| (key, value));
        if opcode == b'd' {
            let dict = Node::Dict(pairs.collect());
            return self.push_node(dict);
        }
        let target = self.top()?;
        if let Node::Dict(dict) = self.node_mut(target) {
            dict.extend(pairs);
        }
        Ok(())
    }

    pub(super) fn step_object(&mut self, opcode: u8) -> Result<(), Reason> {
        match opcode {
            b'c' => {
                let global = self.global_lines()?;
                self.push_node(global)
            }
            0x93 => {
                let names = self.pop_many(2)?;
                let global = self.joined(names[0], names[1])?;
                self.push_node(global)
            }
            b'i' => {
                let global = self.global_lines()?;
                let args = self.pop_mark()?;
                let callable = self.add(global)?;
                let args = self.add(Node::Tuple(args))?;
                self.call(callable, args)
            }
            b'o' => {
                let mut args = self.pop_mark()?;
                if args.is_empty() {
                    return Err(self.source.malformed("an object without a class"));
                }
                let callable = args.remove(0);
                let args = self.add(Node::Tuple(args))?;
                self.call(callable, args)
            }
            b'R' | 0x81 => {
                let parts = self.pop_many(2)?;
                self.call(parts[0], parts[1])
            }
            0x92 => {
                let parts = self.pop_many(3)?;
                self.call(parts[0], parts[1])
            }
            b'b' => self.build(),
            b'P' => {
                let text = self.text_line()?;
                let id = self.add(Node::Text(text.into()))?;
                self.push_node(Node::Persistent(id))
            }
            _ => {
                let id = self.pop()?;
                self.push_node(Node::Persistent(id))
            }
        }
    }

    fn call(&mut self, callable: NodeId, args: NodeId) -> Result<(), Reason> {
        if let Node::Global(name) = self.node(callable)
            && matches!(&**name, "collections.OrderedDict" | "collections.defaultdict")
        {
            let dict = self.ordered_dict(args);
            // The pairs are copied, and the same list may be used repeatedly.
            self.num_items += dict.len();
            return self.push_node(Node::Dict(dict));
        }
        self.push_node(Node::Call { callable, args, state: None })
    }

    /// `OrderedDict()`, or `OrderedDict([[key, value], …])` as Python 2 wrote it.
    fn ordered_dict(&self, args: NodeId) -> Vec<(NodeId, NodeId)> {
        let items = |id: NodeId| match self.node(id) {
            Node::Tuple(items) | Node::List(items) => items.as_slice(),
            _ => &[],
        };
        let pairs = items(args).first().map_or(&[][..], |&first| items(first));
        let pairs = pairs.iter().filter_map(|&pair| match items(pair) {
            &[key, value] => Some((key, value)),
            _ => None,
        });
        pairs.collect()
    }

    fn build(&mut self) -> Result<(), Reason> {
        let new_state = self.pop()?;
        let object = self.top()?;
        if let Node::Call { state, .. } = self.node_mut(object) {
            *state = Some(new_state);
        }
        Ok(())
    }

    fn global_lines(&mut self) -> Result<Node, Reason> {
        let module = self.text_line()?;
        let name = self.text_line()?;
        self.global(&module, &name)
    }

    fn joined(&self, module: NodeId, name: NodeId) -> Result<Node, Reason> {
        match (self.node(module), self.node(name)) {
            (Node::Text(module), Node::Text(name)) => self.global(module, name),
            _ => Err(self.source.malformed("the name of a class is not a string")),
        }
    }

    /// A class or function. Dangerous names are refused, because an honest checkpoint does not even
    /// mention them.
    fn global(&self, module: &str, name: &str) -> Result<Node, Reason> {
        let global = format!("{module}.{name}");
        if is_dangerous(&global) {
            return Err(Reason::Refused { global: shortened(&global), offset: self.opcode_at });
        }
        Ok(Node::Global(global.into()))
    }
}
