//! All keys: those of the sections, and those that are only accepted.

mod detectron2;
mod own;

use std::sync::LazyLock;

use crate::config::Config;
use crate::config::section::{Row, Section as _};
use crate::spec::{Effect, KeySpec};

pub(crate) use own::OWN_KEYS;

/// Keys that have an effect, section by section.
static USED: LazyLock<Vec<&'static KeySpec>> = LazyLock::new(|| {
    let mut keys = Vec::new();
    collect(Config::ROWS, &mut keys);
    keys
});

fn collect(rows: &'static [Row], keys: &mut Vec<&'static KeySpec>) {
    for row in rows {
        match row {
            Row::Key(spec) => keys.push(spec),
            Row::Section(rows) => collect(rows, keys),
        }
    }
}

/// All keys: first those that have an effect, then those that are only accepted.
pub(crate) fn all() -> impl Iterator<Item = &'static KeySpec> {
    USED.iter().copied().chain(unused())
}

/// The keys that have an effect, and what it is.
pub(crate) fn used() -> impl Iterator<Item = (&'static KeySpec, &'static Effect)> {
    USED.iter().filter_map(|spec| Some((*spec, spec.effect.as_ref()?)))
}

/// The keys that are only accepted.
pub(crate) fn unused() -> impl Iterator<Item = &'static KeySpec> {
    detectron2::UNUSED.iter()
}

#[cfg(test)]
mod tests;
