//! What is to be said of an error.

use crate::EngineError;

impl EngineError {
    /// Whether processes that work together cannot go on together.
    pub fn is_of_processes(&self) -> bool {
        matches!(self, Self::Processes(_) | Self::Disagreement { .. })
    }

    /// The error with its causes, without saying anything twice.
    pub(crate) fn describe(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let message = error.to_string();
            if !text.contains(&message) {
                text = format!("{text}: {message}");
            }
            cause = error.source();
        }
        text
    }
}
