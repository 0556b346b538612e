use std::fs;

use super::Results;

fn read(text: &str) -> Result<Results, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    fs::write(&path, text).unwrap();
    Results::read(&path).map_err(|error| error.to_string())
}

#[test]
fn a_wrong_field_is_named_with_its_place() {
    let good = r#"{"video_id": 4, "category_id": 1, "score": 0.5, "bboxes": [],
        "segmentations": [null, {"size": [3, 4], "counts": "<"}]}"#;
    assert_eq!(read(&format!("[{good}, {good}]")).unwrap().len(), 2);
    assert!(read(" [ ] ").unwrap().is_empty());
    for (from, to, expected) in [
        ("\"video_id\": 4, ", "", "[1]: missing field `video_id`"),
        ("0.5", "NaN", "[1] (video 4): score: expected a finite number, found NaN"),
        ("0.5", "-Infinity", "[1] (video 4): score: expected a finite number, found -Infinity"),
        ("0.5", "\"a\"", "[1] (video 4): score: invalid type: string \"a\", expected f64"),
        ("0.5", "1e999", "[1]: score: number out of range"),
        ("\"<\"", "[12]", "[1] (video 4): segmentations[1].counts: invalid type: sequence"),
        ("[3, 4]", "[-3, 4]", "[1] (video 4): segmentations[1].size[0]: invalid value"),
        ("null", "[]", "[1] (video 4): segmentations[0]: invalid length 0, expected run lengths"),
        ("[null", "[null, true", "[1] (video 4): segmentations[1]: invalid type: boolean `true`"),
        ("\"score\":", "\"score\"", "[1]: expected `:`"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from} is not there");
        let message = read(&format!("[{good}, {bad}]")).unwrap_err();
        assert!(message.contains(&format!("results.json: {expected}")), "{message}");
    }
}
