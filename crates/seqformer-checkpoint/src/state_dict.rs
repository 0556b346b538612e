//! The content of a checkpoint.

use std::collections::{BTreeMap, btree_map};

use crate::Array;

/// Arrays by name, sorted by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StateDict {
    /// The tensors, under their names in the file.
    pub arrays: BTreeMap<String, Array>,
    /// Strings and numbers stored beside the tensors, such as `iteration`, `__author__` or `matching_heuristics`; for
    /// safetensors the content of `__metadata__`.
    pub metadata: BTreeMap<String, String>,
    /// What the reader did: wrappers it opened, entries it skipped.
    pub notes: Vec<String>,
    /// The subset of this that users should know: prefixes removed from names, which of several networks was used.
    pub remarks: Vec<String>,
}

impl StateDict {
    /// Makes a state dict without arrays.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks up the array called `name`.
    pub fn get(&self, name: &str) -> Option<&Array> {
        self.arrays.get(name)
    }

    /// True if there is an array called `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.arrays.contains_key(name)
    }

    /// Inserts `array` under `name` and returns the previous one.
    pub fn insert(&mut self, name: impl Into<String>, array: Array) -> Option<Array> {
        self.arrays.insert(name.into(), array)
    }

    /// Removes and returns the array called `name`.
    pub fn remove(&mut self, name: &str) -> Option<Array> {
        self.arrays.remove(name)
    }

    /// The number of arrays.
    pub fn len(&self) -> usize {
        self.arrays.len()
    }

    /// True if there are no arrays.
    pub fn is_empty(&self) -> bool {
        self.arrays.is_empty()
    }

    /// Removes from the names what programs put around a network; see [`StateDict::remarks`]. The readers of files do
    /// this themselves.
    ///
    /// # Errors
    ///
    /// If the names belong to several networks.
    pub fn without_wrappers(mut self) -> Result<Self, crate::Reason> {
        let names: Vec<&str> = self.arrays.keys().map(String::as_str).collect();
        let unwrapped = crate::wrappers::unwrap(&names)?;
        let arrays = std::mem::take(&mut self.arrays).into_values();
        let named = unwrapped.names.into_iter().zip(arrays);
        self.arrays = named.filter_map(|(name, array)| Some((name?, array))).collect();
        self.remarks.extend(unwrapped.remarks);
        Ok(self)
    }

    /// Arrays with non-finite numbers, each as `"name": 3 of 64 values (3 NaN)`.
    pub fn not_finite(&self) -> Vec<String> {
        let describe = |(name, array): (&String, &Array)| array.describe_not_finite(name);
        self.iter().filter_map(describe).collect()
    }

    /// Names and arrays, sorted by name.
    pub fn iter(&self) -> btree_map::Iter<'_, String, Array> {
        self.arrays.iter()
    }
}

/// The first few descriptions of a list, and the number of the rest.
pub fn few(descriptions: &[String]) -> String {
    const LISTED: usize = 4;
    let text = descriptions[..descriptions.len().min(LISTED)].join("; ");
    match descriptions.len().saturating_sub(LISTED) {
        0 => text,
        more => format!("{text}; and {more} more"),
    }
}

impl FromIterator<(String, Array)> for StateDict {
    fn from_iter<I: IntoIterator<Item = (String, Array)>>(arrays: I) -> Self {
        Self { arrays: arrays.into_iter().collect(), ..Self::default() }
    }
}

impl<'a> IntoIterator for &'a StateDict {
    type Item = (&'a String, &'a Array);
    type IntoIter = btree_map::Iter<'a, String, Array>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for StateDict {
    type Item = (String, Array);
    type IntoIter = btree_map::IntoIter<String, Array>;

    fn into_iter(self) -> Self::IntoIter {
        self.arrays.into_iter()
    }
}
