use std::collections::BTreeSet;

use super::KEYS;
use super::checked_by::{CHECKED_BY, UNCHECKED, test_of};
use crate::{CfgNode, literal};

#[test]
fn every_default_is_a_literal() {
    for spec in KEYS.iter().copied().flatten() {
        assert!(literal::parse(spec.default).is_some(), "{}", spec.key);
    }
}

#[test]
fn no_key_is_declared_twice() {
    let keys = CfgNode::defaults().keys();
    let unique: BTreeSet<_> = keys.iter().collect();
    assert_eq!(unique.len(), keys.len());
    assert_eq!(keys.len(), KEYS.iter().map(|keys| keys.len()).sum::<usize>());
}

#[test]
fn meanings_are_sentences() {
    for spec in KEYS.iter().copied().flatten().filter(|spec| spec.has_effect()) {
        assert!(spec.doc.ends_with('.'), "{}", spec.key);
    }
}

#[test]
fn the_reference_page_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.md");
    let page = std::fs::read_to_string(path).unwrap_or_default();
    let is_same = page == super::reference_page();
    assert!(is_same, "write it again: seqformer config --keys > docs/config.md");
}

#[test]
fn every_key_with_an_effect_has_a_test_that_is_there() {
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for spec in KEYS.iter().copied().flatten().filter(|spec| spec.has_effect()) {
        let is_unchecked = UNCHECKED.iter().any(|(key, _)| *key == spec.key);
        let Some((file, test)) = test_of(spec.key) else {
            assert!(is_unchecked, "{} has no test", spec.key);
            continue;
        };
        assert!(!is_unchecked, "{}", spec.key);
        let text = std::fs::read_to_string(crates.join(file)).unwrap();
        assert!(text.contains(&format!("fn {test}()")), "{file} has no test {test}");
    }
    let known = CfgNode::defaults().keys();
    for key in CHECKED_BY.iter().flat_map(|(keys, ..)| *keys) {
        let fits = |other: &String| other == key || key.ends_with('.') && other.starts_with(key);
        assert!(known.iter().any(fits), "{key} is no key");
    }
}
