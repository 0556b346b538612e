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
        (
            "\"image_id\": 4, ",
            "",
            "[1]: image_id: expected a whole number or a text, found no such",
        ),
        ("0.5", "NaN", "[1] (image 4): score: expected a finite number, found NaN"),
        ("0.5", "\"a\"", "[1] (image 4): score: expected a finite number, found \"a\""),
        ("\"score\": 0.5, ", "", "[1] (image 4): score: expected a finite number, found no such"),
        (
            "2.5, 3, 4]",
            "2.5, 3]",
            "[1] (image 4): bbox: expected [x, y, width, height] of finite numbers, found [1,2.5,3]",
        ),
        ("2.5, 3, 4]", "-Infinity, 3, 4]", "found [1,-Infinity,3,4]; correct the box"),
        ("\"<\"", "[13]", "[1] (image 4): segmentation: expected run lengths with a sum of 12"),
        ("\"<\"", "7", "[1] (image 4): segmentation.counts: expected run lengths as a text or a"),
        ("[3, 4]", "[-3, 4]", "[1] (image 4): segmentation.size: expected [height, width] in"),
        (
            "{\"size\": [3, 4], \"counts\": \"<\"}",
            "[[1, 2]]",
            "[1] (image 4): segmentation: expected polygons of three points or more, found none",
        ),
        ("\"score\":", "\"score\"", "[1]: expected an object in JSON, found a slip"),
    ] {
        let place = GOOD.rfind(from).unwrap_or_else(|| panic!("{from} is not there"));
        let bad = format!("{}{to}{}", &GOOD[..place], &GOOD[place + from.len()..]);
        let message = read(&format!("[{GOOD}, {bad}]")).unwrap_err();
        assert!(message.contains("results.json: [1]") && message.contains(expected), "{message}");
    }
    let message = read(r#"[{"image_id": 4, "category_id": 1, "score": 1}]"#).unwrap_err();
    assert!(
        message.contains("[0] (image 4): bbox, segmentation: expected at least one"),
        "{message}"
    );
}
