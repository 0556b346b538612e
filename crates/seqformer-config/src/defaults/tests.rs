use std::collections::BTreeSet;

use super::KEYS;
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
