//! A tree of settings: sections and, at their ends, values with where they were written. It knows no key.

use crate::error::Origin;
use crate::key::join;
use crate::value::Value;

/// A section, in the order in which its names were declared.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tree {
    pub(crate) entries: Vec<(String, Entry)>,
}

/// What a name of a section stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entry {
    Section(Tree),
    Leaf(Leaf),
}

/// A value and where it was written; two leaves are equal if their values are.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

impl PartialEq for Leaf {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Tree {
    /// Declares a key with its default, and the sections that it is in.
    pub(crate) fn insert(&mut self, key: &str, value: Value) {
        let Some((head, rest)) = key.split_once('.') else {
            let leaf = Entry::Leaf(Leaf { value, origin: Origin::Default });
            self.entries.push((key.to_owned(), leaf));
            return;
        };
        if let Some(section) = self.section_mut(head) {
            section.insert(rest, value);
        }
    }

    /// Removes the key or section at the full `key`, if it is there.
    pub(crate) fn remove(&mut self, key: &str) {
        match split(key) {
            (name, None) => self.entries.retain(|(known, _)| known != name),
            (head, Some(rest)) => {
                if let Some(Entry::Section(section)) = self.entry_mut(head) {
                    section.remove(rest);
                }
            }
        }
    }

    /// Removes sections without a value, also such that only have sections of this kind.
    pub(crate) fn remove_empty_sections(&mut self) {
        self.entries.retain_mut(|(_, entry)| match entry {
            Entry::Leaf(_) => true,
            Entry::Section(section) => {
                section.remove_empty_sections();
                !section.entries.is_empty()
            }
        });
    }

    /// The section at the full `key`, made if need be; nothing if a value is there.
    pub(crate) fn section_mut(&mut self, key: &str) -> Option<&mut Self> {
        let (head, rest) = split(key);
        if self.entry(head).is_none() {
            self.entries.push((head.to_owned(), Entry::Section(Self::default())));
        }
        match (self.entry_mut(head)?, rest) {
            (Entry::Section(section), None) => Some(section),
            (Entry::Section(section), Some(rest)) => section.section_mut(rest),
            (Entry::Leaf(_), _) => None,
        }
    }

    /// The value of the leaf at the full `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.leaf(key).map(|leaf| &leaf.value)
    }

    /// Where the value of the leaf at the full `key` was written.
    pub(crate) fn origin(&self, key: &str) -> Option<&Origin> {
        self.leaf(key).map(|leaf| &leaf.origin)
    }

    /// The full keys of all leaves.
    pub(crate) fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        self.collect_keys("", &mut keys);
        keys
    }

    fn collect_keys(&self, prefix: &str, keys: &mut Vec<String>) {
        for (name, entry) in &self.entries {
            let key = join(prefix, name);
            match entry {
                Entry::Section(section) => section.collect_keys(&key, keys),
                Entry::Leaf(_) => keys.push(key),
            }
        }
    }

    /// The names in the section at the full key `section`.
    pub(crate) fn names_in(&self, section: &str) -> Vec<&str> {
        let mut inner = self;
        for name in section.split('.') {
            let Some(Entry::Section(found)) = inner.entry(name) else { return Vec::new() };
            inner = found;
        }
        inner.entries.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// What `name` of this section stands for.
    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|(known, _)| known == name).map(|(_, entry)| entry)
    }

    /// As [`Self::entry`], to change it.
    pub(crate) fn entry_mut(&mut self, name: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|(known, _)| known == name).map(|(_, entry)| entry)
    }

    fn leaf(&self, key: &str) -> Option<&Leaf> {
        let (head, rest) = split(key);
        match (self.entry(head)?, rest) {
            (Entry::Section(section), Some(rest)) => section.leaf(rest),
            (Entry::Leaf(leaf), None) => Some(leaf),
            _ => None,
        }
    }

    /// The leaf at the full `key`, to change it.
    pub(crate) fn leaf_mut(&mut self, key: &str) -> Option<&mut Leaf> {
        let (head, rest) = split(key);
        match (self.entry_mut(head)?, rest) {
            (Entry::Section(section), Some(rest)) => section.leaf_mut(rest),
            (Entry::Leaf(leaf), None) => Some(leaf),
            _ => None,
        }
    }
}

/// The first name of a key, and what follows.
fn split(key: &str) -> (&str, Option<&str>) {
    key.split_once('.').map_or((key, None), |(head, rest)| (head, Some(rest)))
}
