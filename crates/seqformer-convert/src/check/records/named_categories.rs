//! The categories that a video or image says something of.

use seqformer_annotations::{Entry, Fault, Id, LISTS_OF_CATEGORIES, read_category_ids};

use crate::check::problem::Kind;

/// Reads the ids of categories with the lists that name them.
pub(super) fn named_categories(
    entry: &Entry,
    faults: &mut Vec<(Kind, Fault)>,
) -> Vec<(&'static str, Id)> {
    let mut named = Vec::new();
    for field in LISTS_OF_CATEGORIES {
        match read_category_ids(entry, field) {
            Ok(ids) => named.extend(ids.into_iter().flatten().map(|id| (field, id))),
            Err(fault) => faults.push((Kind::WrongField, fault)),
        }
    }
    named
}
