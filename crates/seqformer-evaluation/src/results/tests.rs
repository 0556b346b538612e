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
        (
            "\"video_id\": 4, ",
            "",
            "[1]: video_id: expected a whole number or a text, found no such field; add the field",
        ),
        ("4,", "4.5,", "[1]: video_id: expected a whole number or a text, found 4.5"),
        ("0.5", "NaN", "[1] (video 4): score: expected a finite number, found NaN"),
        ("0.5", "-Infinity", "[1] (video 4): score: expected a finite number, found -Infinity"),
        ("0.5", "\"a\"", "[1] (video 4): score: expected a finite number, found \"a\""),
        ("0.5", "1e999", "[1]: expected an object in JSON, found a slip (number out of range)"),
        (
            "\"<\"",
            "[12]",
            "[1] (video 4): segmentations[1].counts: expected compressed run lengths as a text, found [12]",
        ),
        (
            "[3, 4]",
            "[-3, 4]",
            "[1] (video 4): segmentations[1].size: expected [height, width] in pixels, found [-3,4]",
        ),
        (
            "[null",
            "[null, true",
            "[1] (video 4): segmentations[1]: expected compressed run lengths or null, found true",
        ),
        ("[null", "7, \"x\": [null", "[1] (video 4): segmentations: expected a list with a mask"),
        ("\"score\":", "\"score\"", "[1]: expected an object in JSON, found a slip"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from} is not there");
        let message = read(&format!("[{good}, {bad}]")).unwrap_err();
        assert!(message.contains(&format!("results.json: {expected}")), "{message}");
    }
}

#[test]
fn whole_numbers_with_a_fraction_and_empty_frames_of_any_kind_are_read() {
    let text = r#"[{"video_id": 4.0, "category_id": 1.0, "score": 1,
        "segmentations": [null, [], {}, {"size": [3.0, 4], "counts": "<"}]}]"#;
    let results = read(text).unwrap();
    let result = results.iter().next().unwrap();
    assert_eq!((&result.video_id, &result.category_id), (&4.into(), &1.into()));
    let masks: Vec<_> = result.masks.masks().map(|mask| mask.map(|(_, text)| text)).collect();
    assert_eq!(masks, [None, None, None, Some("<")]);
    assert_eq!(read(&format!("\u{feff}{text}")).unwrap().len(), 1);
}

#[test]
fn other_encodings_and_archives_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    let utf16: Vec<u8> = "[]".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&[0xff, 0xfe][..], &utf16].concat();
    let cases: [(&[u8], &str); 5] = [
        (&utf16, "found UTF-16 text; save the file as UTF-8"),
        (&marked, "found UTF-16 text with a byte order mark; save the file as UTF-8"),
        (&[0x1f, 0x8b, 8, 0], "found a gzip archive; unpack it first"),
        (b"<!doctype html>", "found '<'; this looks like a web page"),
        (b"{\"videos\": []}", "expected a list, found '{'; an annotation file is not a list"),
    ];
    for (bytes, expected) in cases {
        fs::write(&path, bytes).unwrap();
        let message = Results::read(&path).unwrap_err().to_string();
        assert!(message.contains("results.json: ") && message.contains(expected), "{message}");
    }
}
