//! What can go wrong before and inside the shim.

/// An operation could not be run.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// An argument has another shape, kind or device than the operation needs.
    #[error("{operation}: {argument}: expected {expected}, found {found}")]
    Argument {
        /// The operation that was called.
        operation: &'static str,
        /// The argument that does not fit.
        argument: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// libtorch reported a failure.
    #[error("{operation}: {message}")]
    Torch {
        /// The operation that was called.
        operation: &'static str,
        /// The message of the C++ exception, without its stack.
        message: String,
    },
    /// A feature level has no pixels, or there is no level.
    #[error("feature levels: expected at least one level of at least 1x1, found {found}")]
    Levels {
        /// The sizes that were given.
        found: String,
    },
    /// A shared library could not be opened.
    #[error("{path}: the library cannot be opened: {message}")]
    Library {
        /// The file.
        path: String,
        /// What the loader says.
        message: String,
    },
    /// Processes that work together could not do it.
    #[error("{operation}: {message}")]
    Group {
        /// What they did.
        operation: &'static str,
        /// What c10d says, without its stack.
        message: String,
    },
}
