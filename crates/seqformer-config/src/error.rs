//! What can go wrong with a configuration, and where it was written.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::PathError;

/// Where a value was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origin {
    /// The built-in default.
    #[default]
    Default,
    /// A line of a YAML file.
    File {
        /// The file, as it was named.
        path: Arc<Path>,
        /// The line, counted from 1.
        line: usize,
    },
    /// A `KEY VALUE` pair of the command line.
    CommandLine,
}

/// Writes the prefix of a message: `base.yaml:12: `, or nothing for a default.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => Ok(()),
            Self::File { path, line } => write!(f, "{}:{line}: ", path.display()),
            Self::CommandLine => write!(f, "command line: "),
        }
    }
}

/// A configuration that cannot be read, or that cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be opened or read.
    #[error("{path}: cannot be read", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not YAML, or uses a part of YAML that configurations do not have.
    #[error("{path}:{line}:{column}: {message}", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A file or its bases are outside of what this program accepts.
    #[error("{path}: {message}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A key that no default exists for.
    #[error("{origin}unknown key {key}{hint}")]
    UnknownKey {
        /// Where it was written.
        origin: Origin,
        /// The full key.
        key: String,
        /// What may have been meant, with what stands before it in the message.
        hint: String,
    },
    /// A value of the wrong type, or outside of what the key allows.
    #[error(transparent)]
    Value(#[from] Box<ValueError>),
    /// A path with an unknown home folder, user or variable in it.
    #[error("{origin}{key}: {path}: {source}")]
    Path {
        /// Where it was written.
        origin: Origin,
        /// The full key.
        key: String,
        /// The path as it was written.
        path: String,
        /// What is unknown.
        source: PathError,
    },
    /// The list of `KEY VALUE` pairs is malformed.
    #[error("command line: {0}")]
    Opts(String),
}

/// A value of the wrong type, or outside of what its key allows.
#[derive(Debug, thiserror::Error)]
#[error("{origin}{key}: expected {expected}, found {found}{}", hint_suffix(.hint.as_deref()))]
pub struct ValueError {
    /// Where it was written.
    pub origin: Origin,
    /// The full key.
    pub key: String,
    /// What the key takes.
    pub expected: String,
    /// What was written.
    pub found: String,
    /// What to write instead.
    pub hint: Option<String>,
}

fn hint_suffix(hint: Option<&str>) -> String {
    hint.map_or_else(String::new, |hint| format!("; {hint}"))
}
