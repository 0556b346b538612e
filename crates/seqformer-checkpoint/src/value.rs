//! `Value`: whatever a training script saved, as a tree.

use crate::{Array, StateDict};

/// A Python value in a checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number in double precision.
    Float(f64),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A tuple.
    Tuple(Vec<Value>),
    /// A dict, in order; keys are mostly strings or integers.
    Dict(Vec<(Value, Value)>),
    /// A tensor. Clones share their bytes, and files store them once.
    Tensor(Array),
    /// A description of an object of another class. It cannot be written.
    Other(String),
}

impl Value {
    /// A dict with strings as keys.
    pub fn dict<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (Self::Text(key.into()), value));
        Self::Dict(entries.collect())
    }

    /// The value under a string key, if this is a dict that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let entries = self.as_dict()?;
        // If a key occurs twice, the last one wins, as in Python.
        let found = entries.iter().rev().find(|(name, _)| name.as_str() == Some(key));
        found.map(|(_, value)| value)
    }

    /// The entries of a dict.
    pub fn as_dict(&self) -> Option<&[(Self, Self)]> {
        match self {
            Self::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    /// The elements of a list or tuple.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) | Self::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// A string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An integer.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A number, also an integer.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Int(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// A truth value.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A tensor.
    pub fn as_tensor(&self) -> Option<&Array> {
        match self {
            Self::Tensor(array) => Some(array),
            _ => None,
        }
    }
}

impl From<&StateDict> for Value {
    /// The arrays by name, without metadata and notes.
    fn from(state: &StateDict) -> Self {
        Self::dict(state.iter().map(|(name, array)| (name.clone(), Self::Tensor(array.clone()))))
    }
}
