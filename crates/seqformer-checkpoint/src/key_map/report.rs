//! The report of a translation of names.

use std::fmt;

use super::Dialect;
use super::input::{InputConvention, input_warnings};

/// Maximum number of tensors of a kind that are listed.
const LISTED: usize = 6;

/// Something that happened to a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The tensor.
    pub name: String,
    /// What happened, and why.
    pub what: String,
}

impl Change {
    pub(super) fn new(name: &str, what: impl Into<String>) -> Self {
        Self { name: name.to_owned(), what: what.into() }
    }
}

/// The recognized program, and what happened to the tensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapReport {
    /// The program whose names the file had.
    pub dialect: Dialect,
    /// Number of renamed tensors.
    pub renamed: usize,
    /// Class heads of which some rows were used.
    pub sliced: Vec<Change>,
    /// Tensors missing in the file that were copied from others.
    pub copied: Vec<Change>,
    /// Tensors of the network that do not fit in the form that the file has.
    pub reinitialized: Vec<Change>,
    /// Tensors that the network does not have.
    pub ignored: Vec<Change>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// Whether a Caffe2 backbone has groups, and so its own input convention.
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

    /// Adds warnings if the weights were trained on other input than the network will get.
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
