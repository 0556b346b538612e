use std::fs;

use proptest::prelude::*;
use seqformer_testing::golden_path;

use super::GroundTruth;

/// Annotations come first on purpose: polygons wait for the size of their video.
const GOOD: &str = r#"{"annotations": [
    {"id": 7, "video_id": 4, "category_id": 2, "iscrowd": 1, "areas": [6, null, 9.5],
     "segmentations": [{"size": [3, 4], "counts": [2, 6, 4]}, null, {"size": [3, 4], "counts": "<"}],
     "bboxes": [[0, 0, 1, 1], null, null]},
    {"id": 8, "video_id": 4, "category_id": 1,
     "segmentations": [[[0, 0, 2, 0, 2, 2, 0, 2], [2, 2, 4, 2, 4, 3, 2, 3]], [], {"size": [3, 4], "counts": [0, 12]}]}],
    "videos": [{"id": 4, "height": 3, "width": 4, "length": 3, "file_names": ["a"]},
               {"id": 2, "height": 9, "width": 8, "file_names": ["a", "b"]}],
    "info": {"year": 2021, "text": "] } \" \\"},
    "categories": [{"id": 2, "name": "dog"}, {"id": 1, "name": "cat", "supercategory": "animal"}]}"#;

fn read(text: &[u8]) -> Result<GroundTruth, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gt.json");
    fs::write(&path, text).unwrap();
    GroundTruth::read(&path).map_err(|error| error.to_string())
}

#[test]
fn videos_categories_and_tracks_are_read() {
    let truth = read(GOOD.as_bytes()).unwrap();
    let videos: Vec<_> = truth.videos().map(|video| (video.id, video.length)).collect();
    assert_eq!(videos, [(2, 2), (4, 3)]);
    let names: Vec<_> = truth.categories().map(|category| category.name.as_str()).collect();
    assert_eq!(names, ["cat", "dog"]);
    let [crowd, track] = truth.tracks() else { panic!("expected two tracks") };
    assert!(crowd.is_crowd && !track.is_crowd);
    // From the file: the mean of 6 and 9.5.
    assert_eq!(crowd.average_area, 7.75);
    // Computed: four pixels and two, nothing, and all twelve.
    assert_eq!(track.average_area, 9.0);
    assert!(track.masks.areas().eq([Some(6), None, Some(12)]));
}

#[test]
fn annotations_may_be_missing() {
    let text = r#"{"videos": [], "categories": [], "annotations": null}"#;
    assert!(read(text.as_bytes()).unwrap().tracks().is_empty());
    assert!(read(br#"{"videos": [], "categories": []}"#).unwrap().tracks().is_empty());
    let golden = golden_path("public/tiny_video/instances.json");
    assert_eq!(GroundTruth::read(&golden).unwrap().videos().len(), 2);
}

#[test]
fn a_wrong_field_is_named_with_its_place() {
    for (from, to, expected) in [
        (
            "\"id\": 8",
            "\"id\": 7",
            "annotations[1] (id 7): id: expected every id once, found 7 again",
        ),
        ("\"id\": 8, ", "", "annotations[1]: missing field `id`"),
        (
            "\"video_id\": 4",
            "\"video_id\": 3",
            "annotations[0] (id 7): video_id: expected the id of a video of this file, found 3",
        ),
        (
            "\"category_id\": 1",
            "\"category_id\": 3",
            "annotations[1] (id 8): category_id: expected the id of a category of this file, found 3",
        ),
        (
            "\"category_id\": 1",
            "\"category_id\": null",
            "annotations[1] (id 8): category_id: invalid type: null, expected i64",
        ),
        (
            "null, 9.5",
            "9.5",
            "annotations[0] (id 7): areas: expected one entry for each of the 3 frames of video 4, found 2",
        ),
        (
            "null, 9.5",
            "null, NaN",
            "annotations[0] (id 7): areas[2]: expected a finite number, found NaN",
        ),
        (
            "[], {",
            "{",
            "annotations[1] (id 8): segmentations: expected one entry for each of the 3 frames of video 4, found 2",
        ),
        (
            "[2, 6, 4]",
            "[2, 6, 5]",
            "annotations[0] (id 7): segmentations[0]: run lengths of size 3x4 (height x width): expected a sum of 12, found 13",
        ),
        (
            "[2, 6, 4]",
            "[2, -6, 5]",
            "annotations[0] (id 7): segmentations[0].counts[1]: invalid value: integer `-6`, expected u32",
        ),
        ("\"<\"", "\"=\"", "annotations[0] (id 7): segmentations[2]: run lengths of size 3x4"),
        (
            "4, 3, 2, 3]",
            "4, 3, 2]",
            "annotations[1] (id 8): segmentations[0]: polygon: expected an even number of at least 6 numbers, found 7",
        ),
        (
            "[0, 0, 2, 0, 2, 2, 0, 2]",
            "[0, 0, 2, 2]",
            "annotations[1] (id 8): segmentations[0]: polygon: expected an even number of at least 6 numbers, found 4",
        ),
        (
            "[], {",
            "3, {",
            "annotations[1] (id 8): segmentations[1]: invalid type: integer `3`, expected run lengths, a list of polygons, or null",
        ),
        (
            "\"iscrowd\": 1",
            "\"iscrowd\": \"1\"",
            "annotations[0] (id 7): iscrowd: invalid type: string \"1\", expected 0 or 1",
        ),
        (
            "\"id\": 2, \"height\": 9",
            "\"id\": 4, \"height\": 9",
            "videos[1] (id 4): id: expected every id once, found 4 again",
        ),
        ("\"height\": 9, ", "", "videos[1] (id 2): missing field `height`"),
        (
            "\"height\": 9",
            "\"height\": 0",
            "videos[1] (id 2): height, width: expected at least one pixel, found 0x8",
        ),
        (
            "\"height\": 9, \"width\": 8",
            "\"height\": 99999, \"width\": 88888",
            "videos[1] (id 2): height, width: mask size",
        ),
        (", \"file_names\": [\"a\", \"b\"]", "", "videos[1] (id 2): missing field `length`"),
        (
            "\"id\": 2, \"name\"",
            "\"id\": 1, \"name\"",
            "categories[1] (id 1): id: expected every id once, found 1 again",
        ),
        (", \"name\": \"dog\"", "", "categories[0] (id 2): missing field `name`"),
        ("\"videos\"", "\"video\"", "the key \"videos\" is missing"),
        ("\"categories\"", "\"category\"", "the key \"categories\" is missing"),
        ("\"info\": ", "\"info\" ", "expected ':' after a key, found '{'"),
    ] {
        let bad = GOOD.replacen(from, to, 1);
        assert_ne!(bad, GOOD, "{from} is not there");
        let message = read(bad.as_bytes()).unwrap_err();
        assert!(message.contains("gt.json: ") && message.contains(expected), "{message}");
    }
}

#[test]
fn a_file_cut_at_any_byte_is_an_error() {
    for cut in 0..GOOD.len() {
        assert!(read(&GOOD.as_bytes()[..cut]).is_err(), "cut at byte {cut}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn changed_bytes_never_panic(at in 0..GOOD.len(), byte: u8, length in 0_usize..4) {
        let mut text = GOOD.as_bytes().to_vec();
        let end = (at + length).min(text.len());
        text.splice(at..end, [byte]);
        let _outcome = read(&text);
    }
}
