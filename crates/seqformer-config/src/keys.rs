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
mod tests {
    use std::collections::BTreeSet;

    use crate::spec::Shown;
    use crate::{CfgNode, literal};

    #[test]
    fn every_default_is_a_literal() {
        for spec in super::all() {
            assert!(literal::parse(spec.default).is_some(), "{}", spec.key);
        }
    }

    #[test]
    fn no_key_is_declared_twice() {
        let keys = CfgNode::defaults().keys();
        let unique: BTreeSet<_> = keys.iter().collect();
        assert_eq!(unique.len(), keys.len());
        assert_eq!(keys.len(), super::all().count());
    }

    #[test]
    fn meanings_are_sentences() {
        for (spec, effect) in super::used() {
            assert!(effect.meaning.ends_with('.'), "{}", spec.key);
        }
        assert_eq!(super::used().count() + super::unused().count(), super::all().count());
    }

    #[test]
    fn every_key_with_an_effect_has_a_test_that_is_there() {
        let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut without = Vec::new();
        for (spec, effect) in super::used() {
            match effect.shown {
                Shown::By(file, test) => {
                    let text = std::fs::read_to_string(crates.join(file)).unwrap();
                    let is_there = text.contains(&format!("fn {test}()"));
                    assert!(is_there, "{}: {file} has no test {test}", spec.key);
                }
                Shown::Nowhere(why) => {
                    assert!(!why.is_empty(), "{}", spec.key);
                    without.push(spec.key);
                }
            }
        }
        assert_eq!(without, ["CUDNN_BENCHMARK", "MODEL.MASK_ON"], "a key needs a test");
    }
}
