//! What weights written by this program record about themselves: the configuration, the classes, and a hash.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::{StateDict, Value};

/// The entry of a training checkpoint that other programs do not have.
pub const OWN_ENTRY: &str = "seqformer";
const CONFIG: &str = "config";
const CLASSES: &str = "classes";
const HASH: &str = "hash";

/// The origin of weights.
///
/// A training checkpoint stores it under [`OWN_ENTRY`], a safetensors file in its metadata under keys with that prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The configuration that they were trained with, as YAML.
    pub config: Option<String>,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// SHA-256 of the tensors, in hexadecimal digits; see [`hash`].
    pub hash: Option<String>,
}

impl Provenance {
    /// Reads the entries beside the tensors of a file.
    pub fn of(state: &StateDict) -> Self {
        let text = |name: &str| state.metadata.get(&key(name)).cloned();
        let classes = text(CLASSES).and_then(|text| serde_json::from_str(&text).ok());
        Self { config: text(CONFIG), classes: classes.unwrap_or_default(), hash: text(HASH) }
    }

    /// Writes the entries beside the tensors, with the hash of their current values.
    pub fn write_to(&self, state: &mut StateDict) {
        if let Some(config) = &self.config {
            state.metadata.insert(key(CONFIG), config.clone());
        }
        if !self.classes.is_empty() {
            let names = serde_json::json!(self.classes).to_string();
            state.metadata.insert(key(CLASSES), names);
        }
        state.metadata.insert(key(HASH), hash(state));
    }

    /// The entries of a training checkpoint.
    pub fn to_entries(&self) -> Vec<(&'static str, Value)> {
        let mut entries = Vec::new();
        entries.extend(self.config.clone().map(|config| (CONFIG, Value::Text(config))));
        let names = self.classes.iter().map(|name| Value::Text(name.clone())).collect();
        entries.push((CLASSES, Value::List(names)));
        entries.extend(self.hash.clone().map(|hash| (HASH, Value::Text(hash))));
        entries
    }

    /// Whether the tensors are unchanged since they were written; true for weights without a hash.
    pub fn matches(&self, state: &StateDict) -> bool {
        self.hash.as_ref().is_none_or(|expected| *expected == hash(state))
    }
}

/// The metadata key of an entry.
pub(crate) fn key(name: &str) -> String {
    format!("{OWN_ENTRY}.{name}")
}

/// SHA-256 over the names, types, shapes and bytes of all tensors, by name.
pub fn hash(state: &StateDict) -> String {
    let mut digest = Sha256::new();
    for (name, array) in state {
        digest.update((name.len() as u64).to_le_bytes());
        digest.update(name);
        digest.update(format!("{} {:?}", array.dtype(), array.shape()));
        digest.update(array.bytes());
    }
    let mut digits = String::with_capacity(64);
    for byte in digest.finalize() {
        // Writing to a string does not fail.
        let _written = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    //! Through both kinds of file, and after a change.

    use super::*;
    use crate::{Array, read, write_pth, write_safetensors};

    fn state() -> StateDict {
        let mut state = StateDict::new();
        state.insert("a.weight", Array::from_f32(&[2, 2], &[1.0, 2.0, 3.0, 4.0]).unwrap());
        state.insert("b.bias", Array::from_f32(&[1], &[0.5]).unwrap());
        state
    }

    fn provenance() -> Provenance {
        let classes = vec!["cat".to_owned(), "tennis \"racket\"".to_owned()];
        // As long as real ones, which are not read with the pickle.
        let config = "SEED: 3\n".repeat(2000);
        Provenance { config: Some(config), classes, hash: Some(hash(&state())) }
    }

    #[test]
    fn both_kinds_of_file_keep_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut tagged = state();
        provenance().write_to(&mut tagged);
        let path = folder.path().join("model.safetensors");
        write_safetensors(&path, &tagged).unwrap();
        let found = read(&path).unwrap();
        assert_eq!(Provenance::of(&found), provenance());
        assert!(provenance().matches(&found));

        let path = folder.path().join("model.pth");
        let own = Value::dict(provenance().to_entries());
        let tree = Value::dict([("model", Value::from(&state())), (OWN_ENTRY, own)]);
        write_pth(&path, &tree).unwrap();
        let found = read(&path).unwrap();
        assert_eq!(Provenance::of(&found), provenance());
        assert!(provenance().matches(&found));
    }

    #[test]
    fn any_change_of_a_tensor_changes_the_hash() {
        let mut names = state();
        let array = names.remove("b.bias").unwrap();
        names.insert("b.bias2", array);
        let mut shape = state();
        shape.insert("a.weight", Array::from_f32(&[4], &[1.0, 2.0, 3.0, 4.0]).unwrap());
        let mut value = state();
        value.insert("b.bias", Array::from_f32(&[1], &[0.25]).unwrap());
        for changed in [names, shape, value] {
            assert!(!provenance().matches(&changed));
            assert!(Provenance::default().matches(&changed), "without a hash anything goes");
        }
    }
}
