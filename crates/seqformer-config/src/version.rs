//! `VERSION`: files with the key names of an older detectron2.
//!
//! Source: detectron2 0.6 `detectron2/config/compat.py`.

use crate::yaml::{Content, Field, Node};
use crate::{ConfigError, Value, ValueError, literal};

const KEY: &str = "VERSION";
const CURRENT: i64 = 2;

/// Keys of version 1, and what they are called in version 2.
const RENAMED: &[(&str, &str)] = &[
    ("MODEL.RPN_HEAD.NAME", "MODEL.RPN.HEAD_NAME"),
    ("MODEL.WEIGHT", "MODEL.WEIGHTS"),
    ("MODEL.PANOPTIC_FPN.SEMANTIC_LOSS_SCALE", "MODEL.SEM_SEG_HEAD.LOSS_WEIGHT"),
    ("MODEL.PANOPTIC_FPN.RPN_LOSS_SCALE", "MODEL.RPN.LOSS_WEIGHT"),
    ("MODEL.PANOPTIC_FPN.INSTANCE_LOSS_SCALE", "MODEL.PANOPTIC_FPN.INSTANCE_LOSS_WEIGHT"),
    ("MODEL.PANOPTIC_FPN.COMBINE_ON", "MODEL.PANOPTIC_FPN.COMBINE.ENABLED"),
    ("MODEL.PANOPTIC_FPN.COMBINE_OVERLAP_THRESHOLD", "MODEL.PANOPTIC_FPN.COMBINE.OVERLAP_THRESH"),
    ("MODEL.PANOPTIC_FPN.COMBINE_STUFF_AREA_LIMIT", "MODEL.PANOPTIC_FPN.COMBINE.STUFF_AREA_LIMIT"),
    (
        "MODEL.PANOPTIC_FPN.COMBINE_INSTANCES_CONFIDENCE_THRESHOLD",
        "MODEL.PANOPTIC_FPN.COMBINE.INSTANCES_CONFIDENCE_THRESH",
    ),
    ("MODEL.ROI_HEADS.SCORE_THRESH", "MODEL.ROI_HEADS.SCORE_THRESH_TEST"),
    ("MODEL.ROI_HEADS.NMS", "MODEL.ROI_HEADS.NMS_THRESH_TEST"),
    ("MODEL.RETINANET.INFERENCE_SCORE_THRESHOLD", "MODEL.RETINANET.SCORE_THRESH_TEST"),
    ("MODEL.RETINANET.INFERENCE_TOPK_CANDIDATES", "MODEL.RETINANET.TOPK_CANDIDATES_TEST"),
    ("MODEL.RETINANET.INFERENCE_NMS_THRESHOLD", "MODEL.RETINANET.NMS_THRESH_TEST"),
    ("TEST.DETECTIONS_PER_IMG", "TEST.DETECTIONS_PER_IMAGE"),
    ("TEST.AUG_ON", "TEST.AUG.ENABLED"),
    ("TEST.AUG_MIN_SIZES", "TEST.AUG.MIN_SIZES"),
    ("TEST.AUG_MAX_SIZE", "TEST.AUG.MAX_SIZE"),
    ("TEST.AUG_FLIP", "TEST.AUG.FLIP"),
];

/// Brings the keys of a file to the current version.
pub(crate) fn upgrade(mut fields: Vec<Field>) -> Result<Vec<Field>, ConfigError> {
    let field = fields.iter().find(|field| field.name == KEY);
    let version = match field {
        Some(field) => read_version(field)?,
        None => guess_version(&fields),
    };
    if version == CURRENT {
        return Ok(fields);
    }
    fields.retain(|field| field.name != KEY);
    for (old, new) in RENAMED {
        if let Some(field) = take(&mut fields, old) {
            put(&mut fields, new, field)?;
        }
    }
    Ok(fields)
}

fn read_version(field: &Field) -> Result<i64, ConfigError> {
    let value = field.node.to_value().map(|value| match value {
        Value::Str(text) => literal::decode(&text),
        value => value,
    });
    match value {
        Some(Value::Int(version @ 1..=CURRENT)) => Ok(version),
        value => Err(ConfigError::Value(Box::new(ValueError {
            origin: field.origin.clone(),
            key: KEY.to_owned(),
            expected: format!("1 or {CURRENT}"),
            found: value.map_or_else(|| "a section".to_owned(), |value| value.to_string()),
            hint: None,
        }))),
    }
}

fn guess_version(fields: &[Field]) -> i64 {
    let is_old = ["MODEL.WEIGHT", "TEST.AUG_ON"].iter().any(|key| find(fields, key).is_some());
    let version = if is_old { 1 } else { CURRENT };
    tracing::warn!("the configuration has no {KEY}: taking it for version {version}");
    version
}

fn find<'a>(fields: &'a [Field], key: &str) -> Option<&'a Field> {
    let (head, rest) = match key.split_once('.') {
        Some((head, rest)) => (head, Some(rest)),
        None => (key, None),
    };
    let field = fields.iter().find(|field| field.name == head)?;
    match (rest, &field.node.content) {
        (None, _) => Some(field),
        (Some(rest), Content::Mapping(inner)) => find(inner, rest),
        _ => None,
    }
}

/// Removes the field at `key`, and the sections that this leaves empty.
fn take(fields: &mut Vec<Field>, key: &str) -> Option<Field> {
    let Some((head, rest)) = key.split_once('.') else {
        let index = fields.iter().position(|field| field.name == key)?;
        return Some(fields.remove(index));
    };
    let index = fields.iter().position(|field| field.name == head)?;
    let Content::Mapping(inner) = &mut fields[index].node.content else { return None };
    let taken = take(inner, rest);
    if taken.is_some() && inner.is_empty() {
        fields.remove(index);
    }
    taken
}

fn put(fields: &mut Vec<Field>, key: &str, field: Field) -> Result<(), ConfigError> {
    let (head, rest) = match key.split_once('.') {
        Some((head, rest)) => (head, Some(rest)),
        None => (key, None),
    };
    let Some(rest) = rest else {
        // A file may have the key under both names.
        fields.retain(|known| known.name != head);
        fields.push(Field { name: head.to_owned(), ..field });
        return Ok(());
    };
    let known = fields.iter_mut().find(|known| known.name == head);
    let origin = field.origin.clone();
    match known.map(|known| &mut known.node.content) {
        Some(Content::Mapping(inner)) => put(inner, rest, field),
        Some(_) => Err(ConfigError::Value(Box::new(ValueError {
            origin,
            key: key.to_owned(),
            expected: "a section".to_owned(),
            found: "a value".to_owned(),
            hint: None,
        }))),
        None => {
            let mut inner = Vec::new();
            put(&mut inner, rest, field)?;
            fields.push(Field { name: head.to_owned(), origin, node: Node::mapping(inner) });
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
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
}
