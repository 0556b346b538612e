//! What can be wrong with a file of annotations or results.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnnotationError {
    /// The operating system failed to open or read the file.
    #[error("{path}: cannot read the file: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A fault in the content of the file.
    #[error(transparent)]
    Wrong(#[from] Box<WrongFile>),
}

/// A fault at one place of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {place}: {fault}", path = path.display())]
pub struct WrongFile {
    /// The file.
    pub path: PathBuf,
    /// The entry, such as `annotations[3] (id 4, video 17)`, or `the whole file`.
    pub place: String,
    /// What is wrong there.
    pub fault: Fault,
}

/// A fault of one value, independent of its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field, such as `bboxes[3]`; empty for the entry as a whole.
    pub field: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// How to fix it; may be empty.
    pub mend: String,
}

impl AnnotationError {
    /// Adds the place in a file to a fault.
    pub fn wrong(path: &Path, place: impl Into<String>, fault: Fault) -> Self {
        let (path, place) = (path.to_path_buf(), place.into());
        Self::Wrong(Box::new(WrongFile { path, place, fault }))
    }

    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_path_buf(), source }
    }
}

impl Fault {
    /// Creates a fault from field, expected value, found value and remedy, in this order.
    pub fn new(
        field: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            expected: expected.into(),
            found: found.into(),
            mend: mend.into(),
        }
    }

    /// Prepends a field, for faults in a part of its value.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.field = match self.field.as_str() {
            "" => outer.to_owned(),
            inner if inner.starts_with('[') => format!("{outer}{inner}"),
            inner => format!("{outer}.{inner}"),
        };
        self
    }
}

impl fmt::Display for Fault {
    /// Writes `field: expected …, found …; mend`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, expected, found, mend } = self;
        if !field.is_empty() {
            write!(formatter, "{field}: ")?;
        }
        write!(formatter, "expected {expected}, found {found}")?;
        if mend.is_empty() { Ok(()) } else { write!(formatter, "; {mend}") }
    }
}
