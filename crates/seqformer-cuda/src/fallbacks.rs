//! Fallbacks: steps that run more slowly on a GPU because the fast way is missing or has failed.
//!
//! Results are correct either way, so only this list shows the difference.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

static ALL: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn lock() -> MutexGuard<'static, BTreeSet<String>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Warns about a fallback and keeps the text; repeated texts are ignored.
pub fn warn(text: String) {
    let is_new = lock().insert(text.clone());
    if is_new {
        tracing::warn!("{text}");
    }
}

/// The texts of all warnings of this process.
pub fn all() -> Vec<String> {
    lock().iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_kept_once() {
        for text in ["two", "one", "two"] {
            warn(format!("way {text} is slower"));
        }
        let found: Vec<String> = all().into_iter().filter(|text| text.starts_with("way")).collect();
        assert_eq!(found, ["way one is slower", "way two is slower"]);
    }
}
