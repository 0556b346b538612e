//! What the translation of names did.

use std::fmt;

use super::Dialect;
use super::input::{InputConvention, input_warnings};

/// At most this many tensors of a kind are listed.
const LISTED: usize = 6;

/// Something that happened to a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The tensor.
    pub name: String,
    /// What and why.
    pub what: String,
}

impl Change {
    pub(super) fn new(name: &str, what: impl Into<String>) -> Self {
        Self { name: name.to_owned(), what: what.into() }
    }
}

/// What was recognised, and what became of the tensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapReport {
    /// Whose names the file had.
    pub dialect: Dialect,
    /// Tensors that got another name.
    pub renamed: usize,
    /// Class heads of which some rows were taken.
    pub sliced: Vec<Change>,
    /// Tensors that were filled from others, because the file lacks them.
    pub copied: Vec<Change>,
    /// Tensors of the network that the file has in a form that does not fit.
    pub reinitialized: Vec<Change>,
    /// Tensors that the network has no place for.
    pub ignored: Vec<Change>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Whether a Caffe2 backbone has groups, and so its own kind of input.
    pub(super) is_resnext: bool,
}

impl MapReport {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            renamed: 0,
            sliced: Vec::new(),
            copied: Vec::new(),
            reinitialized: Vec::new(),
            ignored: Vec::new(),
            warnings: Vec::new(),
            is_resnext: false,
        }
    }

    /// Adds warnings if the weights were made for other images than the network will get.
    pub fn check_input(&mut self, input: &InputConvention) {
        let found = input_warnings(self.dialect, self.is_resnext, input);
        self.warnings.extend(found);
    }
}

impl fmt::Display for MapReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "names of {}; {} renamed", self.dialect, self.renamed)?;
        let lists = [
            ("sliced", &self.sliced),
            ("copied", &self.copied),
            ("re-initialised", &self.reinitialized),
            ("ignored", &self.ignored),
        ];
        for (title, changes) in lists {
            if changes.is_empty() {
                continue;
            }
            write!(f, "\n{title} ({}):", changes.len())?;
            for change in changes.iter().take(LISTED) {
                write!(f, "\n  {}: {}", crate::pickle::shortened(&change.name), change.what)?;
            }
            if changes.len() > LISTED {
                write!(f, "\n  … and {} more", changes.len() - LISTED)?;
            }
        }
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))
    }
}
