//! Masks whose size differs from their frame, which match nothing.

use std::path::Path;

use seqformer_annotations::{Fault, other_size};
use seqformer_masks::ImageSize;

/// Counts masks of another size, and remembers the first.
#[derive(Debug, Default)]
pub(crate) struct OtherSizes {
    count: usize,
    first: Option<(String, Fault)>,
}

impl OtherSizes {
    /// Checks a mask, given the expected and the actual size, and its entry and field.
    pub(crate) fn add(
        &mut self,
        [expected, found]: [ImageSize; 2],
        place: impl FnOnce() -> (String, String),
    ) {
        if expected == found {
            return;
        }
        self.count += 1;
        if self.first.is_none() {
            let (entry, field) = place();
            self.first = Some((entry, other_size(expected, found).within(&field)));
        }
    }

    /// Warns about the counted masks.
    pub(crate) fn warn(&self, path: &Path) {
        if let Some((entry, fault)) = &self.first {
            tracing::warn!(
                "{}: {} masks of results have another size than their frame and match nothing, as \
                 in the official tool; the first is {entry}: {fault}",
                path.display(),
                self.count
            );
        }
    }
}
