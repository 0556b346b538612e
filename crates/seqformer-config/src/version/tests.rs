use crate::{CfgNode, ConfigError};

fn merge(text: &str) -> Result<CfgNode, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.yaml");
    std::fs::write(&path, text).unwrap();
    let mut node = CfgNode::defaults();
    node.merge_from_file(&path)?;
    Ok(node)
}

#[test]
fn old_keys_are_renamed() {
    let text = "MODEL: {WEIGHT: a.pth}\nTEST: {AUG_ON: true, DETECTIONS_PER_IMG: 7}\n";
    for text in [text.to_owned(), format!("VERSION: 1\n{text}")] {
        let node = merge(&text).unwrap();
        let expected = [
            ("MODEL.WEIGHTS", "'a.pth'"),
            ("TEST.AUG.ENABLED", "True"),
            ("TEST.DETECTIONS_PER_IMAGE", "7"),
            ("VERSION", "2"),
        ];
        for (key, value) in expected {
            assert_eq!(node.get(key).unwrap().to_string(), value, "{key}");
        }
    }
}

#[test]
fn old_keys_in_a_new_file_are_unknown() {
    let error = merge("VERSION: 2\nMODEL: {WEIGHT: a.pth}").unwrap_err().to_string();
    let expected = "old.yaml:2: unknown key MODEL.WEIGHT (did you mean MODEL.WEIGHTS?)";
    assert!(error.ends_with(expected), "{error}");
}

#[test]
fn other_versions_are_errors() {
    for version in ["3", "0", "two", "[2]", "{}"] {
        let error = merge(&format!("VERSION: {version}")).unwrap_err().to_string();
        assert!(error.contains("old.yaml:1: VERSION: expected 1 or 2, found"), "{error}");
    }
}
