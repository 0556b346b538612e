//! `CfgNode`: the tree of settings, as detectron2's `CfgNode` (yacs) keeps it.

mod dump;
mod merge;
mod world_size;

use std::path::Path;

use crate::config::read::Reader;
use crate::config::section::Section as _;
use crate::config::{CUSTOM_DATASET_FIELDS, CUSTOM_DATASETS};
use crate::error::{ConfigError, Origin};
use crate::keys::OWN_KEYS;
use crate::tree::{Entry, Tree};
use crate::value::Value;
use crate::{Config, keys, literal, opts, yaml};

/// A tree of settings, in the order in which the defaults declare them.
///
/// The set of keys is fixed: it is that of [`CfgNode::defaults`].
#[derive(Debug, Clone, PartialEq)]
pub struct CfgNode {
    tree: Tree,
}

impl CfgNode {
    /// The defaults of every key: detectron2's, and those that SeqFormer adds.
    pub fn defaults() -> Self {
        let mut tree = Tree::default();
        for spec in keys::all() {
            tree.insert(spec.key, literal::parse(spec.default).unwrap_or(Value::None));
        }
        tree.section_mut(CUSTOM_DATASETS);
        Self { tree }
    }

    /// Makes the entry of a dataset of the user, with its defaults, if it is not there yet.
    fn declare_dataset(&mut self, name: &str) {
        let Some(section) = self.tree.section_mut(CUSTOM_DATASETS) else { return };
        if section.entry(name).is_some() {
            return;
        }
        let mut entry = Tree::default();
        for field in CUSTOM_DATASET_FIELDS {
            entry.insert(field.name, literal::parse(field.default).unwrap_or(Value::None));
        }
        section.entries.push((name.to_owned(), Entry::Section(entry)));
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

    /// Gives the keys that begin with one of `prefixes` their defaults again, as if nobody had written them. `DATASETS.` includes
    /// the datasets of the user.
    pub fn reset(&mut self, prefixes: &[&str]) {
        let is_reset = |key: &str| prefixes.iter().any(|prefix| key.starts_with(prefix));
        for spec in keys::all().filter(|spec| is_reset(spec.key)) {
            if let Some(leaf) = self.tree.leaf_mut(spec.key) {
                leaf.value = literal::parse(spec.default).unwrap_or(Value::None);
                leaf.origin = Origin::Default;
            }
        }
        if is_reset(CUSTOM_DATASETS)
            && let Some(section) = self.tree.section_mut(CUSTOM_DATASETS)
        {
            section.entries.clear();
        }
    }

    /// The value of the leaf at the full `key`, such as `MODEL.SeqFormer.NUM_CLASSES`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.tree.get(key)
    }

    /// Where the value of the leaf at the full `key` was written.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.tree.origin(key)
    }

    /// The full keys of all leaves, in the order of the tree.
    pub fn keys(&self) -> Vec<String> {
        self.tree.keys()
    }

    /// Writes the whole tree as YAML, keys sorted, as PyYAML's `safe_dump` lays it out.
    ///
    /// Reading the text into the defaults gives an equal tree.
    pub fn dump(&self) -> String {
        dump::dump(&self.tree)
    }

    /// Writes the keys that have other values than their defaults, as [`CfgNode::dump`] does. Datasets of the user stay
    /// whole.
    pub fn dump_changed(&self) -> String {
        let defaults = Self::defaults();
        let mut tree = self.tree.clone();
        for key in self.keys().iter().filter(|key| self.get(key) == defaults.get(key)) {
            tree.remove(key);
        }
        tree.remove_empty_sections();
        dump::dump(&tree)
    }

    /// Writes the tree as [`CfgNode::dump`] does, but omits keys that VNext lacks if they have their defaults: VNext
    /// refuses files that contain them.
    pub fn dump_for_vnext(&self) -> String {
        let defaults = Self::defaults();
        let mut tree = self.tree.clone();
        for key in OWN_KEYS.iter().filter(|key| self.get(key) == defaults.get(key)) {
            tree.remove(key);
        }
        if tree.names_in(CUSTOM_DATASETS).is_empty() {
            tree.remove(CUSTOM_DATASETS);
        }
        dump::dump(&tree)
    }
}

/// The keys that were given a value other than their default, but have no effect in this program.
pub fn ineffective_keys(node: &CfgNode) -> Vec<String> {
    let defaults = CfgNode::defaults();
    let changed = keys::unused().filter(|spec| node.get(spec.key) != defaults.get(spec.key));
    changed.map(|spec| spec.key.to_owned()).collect()
}

impl TryFrom<&CfgNode> for Config {
    type Error = ConfigError;

    fn try_from(node: &CfgNode) -> Result<Self, ConfigError> {
        Self::read(&Reader::new(&node.tree))
    }
}

impl TryFrom<CfgNode> for Config {
    type Error = ConfigError;

    fn try_from(node: CfgNode) -> Result<Self, ConfigError> {
        Self::try_from(&node)
    }
}

#[cfg(test)]
mod tests;
