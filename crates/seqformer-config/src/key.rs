//! Full keys: the names of sections and of a value, with dots between them.

/// Joins a section's key and a name.
pub(crate) fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}
