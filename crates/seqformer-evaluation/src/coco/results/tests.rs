use std::fs;

use super::CocoResults;

fn read(text: &str) -> Result<CocoResults, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    fs::write(&path, text).unwrap();
    CocoResults::read(&path).map_err(|error| error.to_string())
}

const GOOD: &str = r#"{"image_id": 4, "category_id": 1, "score": 0.5, "bbox": [1, 2.5, 3, 4],
    "segmentation": {"size": [3, 4], "counts": "<"}, "id": 9}"#;

#[test]
fn either_mask_or_box_may_be_missing() {
    let with = |text: &str| {
        let results = read(text).unwrap();
        [results.has_masks(), results.has_boxes()]
    };
    let only_box = r#"{"image_id": 4, "category_id": 1, "score": 1, "bbox": [1, 2, 3, 4]}"#;
    let only_mask = GOOD.replacen("[1, 2.5, 3, 4]", "null", 1);
    assert_eq!(with(&format!("[{GOOD}, {GOOD}]")), [true, true]);
    assert_eq!(with(&format!("[{GOOD}, {only_box}]")), [false, true]);
    assert_eq!(with(&format!("[{only_mask}]")), [true, false]);
    assert_eq!(with(" [ ] "), [true, true]);
    assert!(read("[]").unwrap().is_empty());
}

#[test]
fn a_wrong_field_is_named_with_its_place() {
    for (from, to, expected) in [
        ("\"image_id\": 4, ", "", "[1]: missing field `image_id`"),
        ("0.5", "NaN", "[1] (image 4): score: expected a finite number, found NaN"),
        ("0.5", "\"a\"", "[1] (image 4): score: invalid type: string \"a\", expected f64"),
        ("\"score\": 0.5, ", "", "[1] (image 4): missing field `score`"),
        ("2.5, 3, 4]", "2.5, 3]", "[1] (image 4): bbox: invalid length 3, expected an array"),
        ("2.5, 3, 4]", "-Infinity, 3, 4]", "[1] (image 4): bbox[1]: expected a finite number"),
        ("\"<\"", "[12]", "[1] (image 4): segmentation.counts: invalid type: sequence"),
        ("[3, 4]", "[-3, 4]", "[1] (image 4): segmentation.size[0]: invalid value"),
        ("{\"size\": [3, 4], \"counts\": \"<\"}", "[[1, 2]]", "[1] (image 4): segmentation"),
        ("\"score\":", "\"score\"", "[1]: expected `:`"),
    ] {
        let place = GOOD.rfind(from).unwrap_or_else(|| panic!("{from} is not there"));
        let bad = format!("{}{to}{}", &GOOD[..place], &GOOD[place + from.len()..]);
        let message = read(&format!("[{GOOD}, {bad}]")).unwrap_err();
        assert!(message.contains(&format!("results.json: {expected}")), "{message}");
    }
    let message = read(r#"[{"image_id": 4, "category_id": 1, "score": 1}]"#).unwrap_err();
    assert!(
        message.contains("[0] (image 4): bbox, segmentation: expected at least one"),
        "{message}"
    );
}
