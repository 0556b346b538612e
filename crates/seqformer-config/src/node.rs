//! `CfgNode`: the tree of settings, as detectron2's `CfgNode` (yacs) keeps it.

mod dump;
mod merge;
mod world_size;

use std::path::Path;

use crate::defaults::{CUSTOM_DATASET_FIELDS, CUSTOM_DATASETS, KEYS, OWN_KEYS};
use crate::error::{ConfigError, Origin};
use crate::key::join;
use crate::value::Value;
use crate::{literal, opts, yaml};

/// A tree of settings, in the order in which the defaults declare them.
///
/// The set of keys is fixed: it is that of [`CfgNode::defaults`].
#[derive(Debug, Clone, PartialEq)]
pub struct CfgNode {
    entries: Vec<(String, Entry)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Entry {
    Node(CfgNode),
    Leaf(Leaf),
}

/// A value and where it was written; two leaves are equal if their values are.
#[derive(Debug, Clone)]
struct Leaf {
    value: Value,
    origin: Origin,
}

impl PartialEq for Leaf {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl CfgNode {
    /// The defaults of every key: detectron2's, and those that SeqFormer adds.
    pub fn defaults() -> Self {
        let mut node = Self { entries: Vec::new() };
        for spec in KEYS.iter().copied().flatten() {
            let value = literal::parse(spec.default).unwrap_or(Value::None);
            node.insert(spec.key, value);
        }
        node.section_mut(CUSTOM_DATASETS);
        node
    }

    fn insert(&mut self, key: &str, value: Value) {
        let Some((head, rest)) = key.split_once('.') else {
            let leaf = Entry::Leaf(Leaf { value, origin: Origin::Default });
            self.entries.push((key.to_owned(), leaf));
            return;
        };
        if let Some(node) = self.section_mut(head) {
            node.insert(rest, value);
        }
    }

    /// The section at the full `key`, made if need be; nothing if a value is there.
    fn section_mut(&mut self, key: &str) -> Option<&mut Self> {
        let (head, rest) =
            key.split_once('.').map_or((key, None), |(head, rest)| (head, Some(rest)));
        if self.entry(head).is_none() {
            self.entries.push((head.to_owned(), Entry::Node(Self { entries: Vec::new() })));
        }
        match (self.entry_mut(head)?, rest) {
            (Entry::Node(node), None) => Some(node),
            (Entry::Node(node), Some(rest)) => node.section_mut(rest),
            (Entry::Leaf(_), _) => None,
        }
    }

    /// Makes the entry of a dataset of the user, with its defaults, if it is not there yet.
    fn declare_dataset(&mut self, name: &str) {
        let Some(section) = self.section_mut(CUSTOM_DATASETS) else { return };
        if section.entry(name).is_some() {
            return;
        }
        let mut entries = Vec::new();
        for field in CUSTOM_DATASET_FIELDS {
            let value = literal::parse(field.default).unwrap_or(Value::None);
            let leaf = Leaf { value, origin: Origin::Default };
            entries.push((field.key.to_owned(), Entry::Leaf(leaf)));
        }
        section.entries.push((name.to_owned(), Entry::Node(Self { entries })));
    }

    /// The names of the datasets of the user, in the order in which they were declared.
    pub fn custom_datasets(&self) -> Vec<&str> {
        let mut section = self;
        for name in CUSTOM_DATASETS.split('.') {
            let Some(Entry::Node(inner)) = section.entry(name) else { return Vec::new() };
            section = inner;
        }
        section.entries.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Sets every key that the YAML file `path`, or one of its `_BASE_` files, names.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, is not YAML, names an unknown key, or gives a value of the wrong
    /// type. The tree is then unchanged.
    pub fn merge_from_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let document = yaml::load_with_base(path)?;
        let mut merged = self.clone();
        merged.merge_document(document)?;
        *self = merged;
        Ok(())
    }

    /// Sets every key that a YAML text names, such as one that [`CfgNode::dump`] wrote; messages name `path`.
    ///
    /// # Errors
    ///
    /// As [`Self::merge_from_file`]; `_BASE_` is no key here.
    pub fn merge_from_text(&mut self, text: &str, path: &Path) -> Result<(), ConfigError> {
        let mut merged = self.clone();
        merged.merge_document(yaml::parse(text, path)?)?;
        *self = merged;
        Ok(())
    }

    /// Sets keys from the command line: `KEY VALUE` pairs, or `KEY=VALUE` items.
    ///
    /// # Errors
    ///
    /// If the list is malformed, names an unknown key, or gives a value of the wrong type.
    /// The tree is then unchanged.
    pub fn merge_from_list(&mut self, opts: &[String]) -> Result<(), ConfigError> {
        let mut merged = self.clone();
        for (key, text) in opts::pairs(opts)? {
            merged.set_text(&key, &text)?;
        }
        *self = merged;
        Ok(())
    }

    /// The value of the leaf at the full `key`, such as `MODEL.SeqFormer.NUM_CLASSES`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.leaf(key).map(|leaf| &leaf.value)
    }

    /// Where the value of the leaf at the full `key` was written.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.leaf(key).map(|leaf| &leaf.origin)
    }

    /// The full keys of all leaves, in the order of the tree.
    pub fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        self.collect_keys("", &mut keys);
        keys
    }

    fn collect_keys(&self, prefix: &str, keys: &mut Vec<String>) {
        for (name, entry) in &self.entries {
            let key = join(prefix, name);
            match entry {
                Entry::Node(node) => node.collect_keys(&key, keys),
                Entry::Leaf(_) => keys.push(key),
            }
        }
    }

    /// Writes the whole tree as YAML, keys sorted, as PyYAML's `safe_dump` lays it out.
    ///
    /// Reading the text into the defaults gives an equal tree.
    pub fn dump(&self) -> String {
        dump::dump(self)
    }

    /// Writes the tree as [`CfgNode::dump`] does, but leaves out the keys that VNext does not know where they have their
    /// defaults: a file with these it would refuse.
    pub fn dump_for_vnext(&self) -> String {
        let defaults = Self::defaults();
        let mut node = self.clone();
        for key in OWN_KEYS.iter().copied().filter(|key| self.get(key) == defaults.get(key)) {
            node.remove(key);
        }
        if self.custom_datasets().is_empty() {
            node.remove(CUSTOM_DATASETS);
        }
        dump::dump(&node)
    }

    fn remove(&mut self, key: &str) {
        match key.split_once('.') {
            None => self.entries.retain(|(known, _)| known != key),
            Some((head, rest)) => {
                if let Some(Entry::Node(node)) = self.entry_mut(head) {
                    node.remove(rest);
                }
            }
        }
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|(known, _)| known == name).map(|(_, entry)| entry)
    }

    fn entry_mut(&mut self, name: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|(known, _)| known == name).map(|(_, entry)| entry)
    }

    fn leaf(&self, key: &str) -> Option<&Leaf> {
        let (head, rest) = match key.split_once('.') {
            Some((head, rest)) => (head, Some(rest)),
            None => (key, None),
        };
        match (self.entry(head)?, rest) {
            (Entry::Node(node), Some(rest)) => node.leaf(rest),
            (Entry::Leaf(leaf), None) => Some(leaf),
            _ => None,
        }
    }
}

/// The keys that were given a value other than their default, but have no effect in this program.
pub fn ineffective_keys(node: &CfgNode) -> Vec<String> {
    let defaults = CfgNode::defaults();
    KEYS.iter()
        .copied()
        .flatten()
        .filter(|spec| !spec.has_effect() && node.get(spec.key) != defaults.get(spec.key))
        .map(|spec| spec.key.to_owned())
        .collect()
}

#[cfg(test)]
mod tests;
