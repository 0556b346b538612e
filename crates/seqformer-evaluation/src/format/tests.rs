use super::DatasetFormat;

fn format_of(text: &str) -> Result<DatasetFormat, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gt.json");
    std::fs::write(&path, text).unwrap();
    DatasetFormat::of_file(&path).map_err(|error| error.to_string())
}

#[test]
fn the_first_of_both_keys_decides() {
    use DatasetFormat::{Coco, YoutubeVis};
    for (text, expected) in [
        (r#"{"videos": []}"#, YoutubeVis),
        (r#"{"images": [], "videos": []}"#, Coco),
        // What comes behind is left to the reader.
        (
            r#"{"info": {"images": 3}, "annotations": [1, {"images": 2}], "videos": oops"#,
            YoutubeVis,
        ),
        (r#"{"annotations": null, "images": []}"#, Coco),
        (r#"{"annotations": [], "images": []}"#, Coco),
        (r#"{"categories": []}"#, YoutubeVis),
        ("{}", YoutubeVis),
    ] {
        assert_eq!(format_of(text), Ok(expected), "{text}");
    }
}

#[test]
fn a_file_that_is_no_object_is_named() {
    for text in ["", "[1]", r#"{"info": "#, r#"{"annotations": 3, "images": []}"#] {
        let message = format_of(text).unwrap_err();
        assert!(message.contains("gt.json: byte "), "{message}");
    }
}
