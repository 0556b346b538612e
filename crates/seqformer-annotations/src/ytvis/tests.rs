use std::fs;

use proptest::prelude::*;

use super::{TrackMasks, YtvisFile};

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

fn read(text: &[u8]) -> Result<YtvisFile, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gt.json");
    fs::write(&path, text).unwrap();
    YtvisFile::read(&path).map_err(|error| error.to_string())
}

#[test]
fn what_a_dataset_may_have_is_read() {
    let file = read(GOOD.as_bytes()).unwrap();
    let videos: Vec<_> = file.videos.values().map(|video| (video.id, video.length)).collect();
    assert_eq!(videos, [(2, 2), (4, 3)]);
    let [first, second] = file.annotations.as_slice() else { panic!("expected two") };
    assert_eq!(
        (first.id, first.is_crowd, first.areas.as_deref()),
        (7, true, Some(&[6.0, 9.5][..]))
    );
    assert!(matches!(first.masks, TrackMasks::Packed(_)) && first.boxes.is_some());
    assert!(matches!(second.masks, TrackMasks::Mixed(_)) && second.boxes.is_none());
    let drawn = second.masks.clone().into_packed(file.videos[&4].size).unwrap();
    assert!(drawn.areas().eq([Some(6), None, Some(12)]));
    assert_eq!(file.notes, []);
}

/// What reading a changed file leaves in its annotations, and its notes.
fn changed(from: &str, to: &str) -> (YtvisFile, String) {
    let text = GOOD.replacen(from, to, 1);
    assert_ne!(text, GOOD, "{from} is not there");
    let file = read(text.as_bytes()).unwrap_or_else(|message| panic!("{to}: {message}"));
    let notes = file.notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    (file, notes)
}

#[test]
fn what_the_official_tools_take_is_taken_without_a_word() {
    for (from, to) in [
        (
            "\"id\": 7, \"video_id\": 4, \"category_id\": 2",
            "\"id\": 7.0, \"video_id\": 4.0, \"category_id\": 2.0",
        ),
        (
            "\"id\": 4, \"height\": 3, \"width\": 4, \"length\": 3",
            "\"id\": 4.0, \"height\": 3.0, \"width\": 4.0, \"length\": 3.0",
        ),
        (
            "\"length\": 3, \"file_names\": [\"a\"]",
            "\"length\": null, \"file_names\": [\"a\", \"b\", \"c\"]",
        ),
        ("\"iscrowd\": 1", "\"iscrowd\": true"),
        ("\"iscrowd\": 1", "\"iscrowd\": 1.0"),
        (
            "null, {\"size\": [3, 4], \"counts\": \"<\"}",
            "{}, {\"size\": [3, 4], \"counts\": \"<\"}",
        ),
        (
            "null, {\"size\": [3, 4], \"counts\": \"<\"}",
            "[ ], {\"size\": [3.0, 4], \"counts\": \"<\"}",
        ),
        (
            "\"iscrowd\": 1",
            "\"iscrowd\": 1, \"attributes\": {\"occluded\": NaN, \"text\": \"\\\"NaN\"}",
        ),
        ("\"animal\"", "null"),
        ("[6, null, 9.5]", "[6, 9.5]"),
        (", \"areas\": [6, null, 9.5]", ", \"areas\": null"),
        ("{\"annotations\"", "\u{feff}{\"annotations\""),
        ("\"info\": {\"year\": 2021", "\"info\": {\"year\": -Infinity"),
    ] {
        let (file, notes) = changed(from, to);
        assert_eq!((file.annotations.len(), notes.as_str()), (2, ""), "{to}");
        let [first, second] = file.annotations.as_slice() else { panic!("expected two") };
        assert!(first.is_crowd && !second.is_crowd, "{to}");
        assert_eq!((first.id, first.video_id, first.category_id), (7, 4, 2), "{to}");
        let drawn = first.masks.clone().into_packed(file.videos[&4].size).unwrap();
        assert!(drawn.areas().eq([Some(6), None, Some(0)]), "{to}");
    }
    assert!(!changed("\"iscrowd\": 1", "\"iscrowd\": null").0.annotations[0].is_crowd);
}

#[test]
fn what_is_left_out_is_counted_once_for_the_file() {
    let crowd = "annotations[0] (id 7, video 4)";
    let track = "annotations[1] (id 8, video 4)";
    for (from, to, expected) in [
        (
            "[2, 2, 4, 2, 4, 3, 2, 3]",
            "[5, 6], [1, 2, 3, 4], [1, 2, 3, 4, 5]",
            format!(
                "3 polygons of fewer than three points or half a point, beside good ones, are left out; the first is {track}: segmentations[0]"
            ),
        ),
        (
            "[], {",
            "[[5, 6]], {",
            format!(
                "1 segmentations without a polygon of three points or more are skipped; the first is {track}: segmentations[1]"
            ),
        ),
        (
            "[], {",
            "[[5, 6, 7, 8]], {",
            format!(
                "1 of the skipped segmentations hold the four numbers of a box: write its four corners as a polygon; the first is {track}: segmentations[1]"
            ),
        ),
        (
            "[], {",
            "[], null, {",
            format!(
                "1 annotations have entries for more frames than their video; those are not used; the first is {track}"
            ),
        ),
        (
            "[0, 0, 1, 1]",
            "[0, NaN, 1, 1]",
            format!(
                "1 boxes are not four finite numbers with sides of 0 or more; the box of the mask is used; the first is {crowd}: bboxes[0], which is [0,NaN,1,1]"
            ),
        ),
        (
            "9.5]",
            "Infinity]",
            format!(
                "1 annotations have areas that are no finite numbers; those of their masks are used; the first is {crowd}: areas[2], which is Infinity"
            ),
        ),
        (
            ", \"name\": \"dog\"",
            "",
            "1 categories have no name and are called by their id".to_owned(),
        ),
    ] {
        let (file, notes) = changed(from, to);
        assert!(notes.lines().any(|note| note == expected), "{to}: {notes}");
        assert_eq!(file.annotations.len(), 2, "{to}");
    }
    let (file, notes) = changed(
        "[[[0, 0, 2, 0, 2, 2, 0, 2], [2, 2, 4, 2, 4, 3, 2, 3]], [], {\"size\": [3, 4], \"counts\": [0, 12]}]",
        "[[[1, 1, 2, 2]], null, [[1, 1]]]",
    );
    assert_eq!(file.annotations.len(), 1);
    assert!(
        notes.contains("2 segmentations without") && notes.contains("1 objects have no other"),
        "{notes}"
    );
}

#[test]
fn meta_json_of_youtube_vos_and_other_shapes_are_told() {
    for (text, expected) in [
        (
            r#"{"videos": {"003234408d": {"objects": {}}}}"#,
            "the whole file: videos: expected a list, found an object; this looks like meta.json of YouTube-VOS",
        ),
        (
            r#"{"videos": null, "categories": []}"#,
            "videos: expected a list, found null; use the annotation file of a dataset",
        ),
        (
            r#"{"videos": [], "categories": {"1": "cat"}}"#,
            "categories: expected a list, found an object",
        ),
        (
            "[]",
            "byte 0: expected an object, found '['; a list of results is not an annotation file",
        ),
        ("", "byte 0: expected an object, found the end of the file; the file is empty or cut off"),
    ] {
        let message = read(text.as_bytes()).unwrap_err();
        assert!(message.contains("gt.json: ") && message.contains(expected), "{message}");
    }
}

#[test]
fn a_mask_of_another_size_than_the_video_is_found() {
    let (file, _) =
        changed("{\"size\": [3, 4], \"counts\": \"<\"}", "{\"size\": [4, 3], \"counts\": \"<\"}");
    let message = file.check_mask_sizes().unwrap_err().to_string();
    assert!(message.ends_with("annotations[0] (id 7, video 4): segmentations[2].size: expected that of the frame, 3x4 (height x width), found 4x3 (height x width); the size of a mask is [height, width]: was it written as [width, height]?"), "{message}");
    read(GOOD.as_bytes()).unwrap().check_mask_sizes().unwrap();
}

#[test]
fn a_wrong_field_is_named_with_its_place() {
    for (from, to, expected) in [
        (
            "\"id\": 8",
            "\"id\": 7",
            "annotations[1] (id 7, video 4): id: expected an id that occurs once, found 7 for the second time",
        ),
        (
            "\"id\": 8, ",
            "",
            "annotations[1] (video 4): id: expected a whole number or a text, found no such field; add the field",
        ),
        (
            "\"video_id\": 4",
            "\"video_id\": 3",
            "annotations[0] (id 7, video 3): video_id: expected the id of a video of the file, found 3",
        ),
        (
            "\"video_id\": 4",
            "\"video_id\": \"4\"",
            "video_id: expected the id of a video of the file, found \"4\"; write the id without quotes",
        ),
        (
            "\"category_id\": 1",
            "\"category_id\": 3",
            "annotations[1] (id 8, video 4): category_id: expected the id of a category of the file, found 3",
        ),
        (
            "\"category_id\": 1",
            "\"category_id\": null",
            "category_id: expected a whole number or a text, found null; add the field",
        ),
        (
            "[], {",
            "{",
            "annotations[1] (id 8, video 4): segmentations: expected an entry for each of the 3 frames of the video, found 2 entries",
        ),
        (
            "[2, 6, 4]",
            "[2, 6, 5]",
            "annotations[0] (id 7, video 4): segmentations[0]: expected run lengths with a sum of 12, for the size 3x4 (height x width), found a sum of 13",
        ),
        (
            "[2, 6, 4]",
            "[2, -6, 5]",
            "segmentations[0].counts[1]: expected a whole number of 0 or more, found -6",
        ),
        (
            "\"<\"",
            "\"=\"",
            "annotations[0] (id 7, video 4): segmentations[2]: expected run lengths with a sum of 12",
        ),
        (
            "\"<\"",
            "\"~\"",
            "segmentations[2]: expected compressed run lengths, characters from '0' to 'o', found '~' at position 0",
        ),
        (
            "4, 3, 2, 3]",
            "4, 3, 2, NaN]",
            "annotations[1] (id 8, video 4): segmentations[0][1]: expected a list of polygons [x, y, x, y, …] of finite numbers, found [2,2,4,2,4,3,2,NaN]",
        ),
        (
            "4, 3, 2, 3]",
            "4, 3, 2, 3e9]",
            "segmentations[0][1]: expected coordinates between -1000000 and 1000000, found 3000000000",
        ),
        (
            "[], {",
            "3, {",
            "annotations[1] (id 8, video 4): segmentations[1]: expected run lengths, a list of polygons, or null, found 3",
        ),
        (
            "\"segmentations\": [[",
            "\"segmentations\": 3, \"x\": [[",
            "segmentations: expected a list with an entry for each frame, found 3",
        ),
        (
            "\"iscrowd\": 1",
            "\"iscrowd\": \"1\"",
            "annotations[0] (id 7, video 4): iscrowd: expected 0 or 1, found \"1\"; write 0 or 1",
        ),
        ("\"iscrowd\": 1", "\"iscrowd\": NaN", "iscrowd: expected 0 or 1, found NaN"),
        (
            "\"id\": 2, \"height\": 9",
            "\"id\": 4, \"height\": 9",
            "videos[1] (id 4): id: expected an id that occurs once",
        ),
        (
            "\"height\": 9, ",
            "",
            "videos[1] (id 2): height: expected a number of pixels of 1 or more, found no such field",
        ),
        (
            "\"height\": 9",
            "\"height\": 0",
            "videos[1] (id 2): height: expected a number of pixels of 1 or more, found 0",
        ),
        (
            "\"height\": 9",
            "\"height\": 9.5",
            "videos[1] (id 2): height: expected a number of pixels of 1 or more, found 9.5",
        ),
        (
            "\"height\": 9, \"width\": 8",
            "\"height\": 99999, \"width\": 88888",
            "videos[1] (id 2): height, width: expected at most",
        ),
        (
            ", \"file_names\": [\"a\", \"b\"]",
            "",
            "videos[1] (id 2): length: expected a whole number of 0 or more, found neither it nor file_names",
        ),
        (
            "\"length\": 3",
            "\"length\": NaN",
            "videos[0] (id 4): length: expected a whole number of 0 or more, found NaN",
        ),
        (
            "\"id\": 2, \"name\"",
            "\"id\": 1, \"name\"",
            "categories[1] (id 1): id: expected an id that occurs once",
        ),
        (
            "\"dog\"",
            "7",
            "categories[0] (id 2): name: expected a text, found 7; write it in quotes",
        ),
        ("\"videos\"", "\"video\"", "the whole file: videos: expected a list, found no such list"),
        (
            "\"videos\": [",
            "\"images\": [",
            "the whole file: videos: expected a list, found a COCO file; give the dataset the type coco",
        ),
        (
            "\"categories\"",
            "\"category\"",
            "category_id: expected the id of a category of the file, found 2; the file lists no category: add it",
        ),
        (
            "\"info\": ",
            "\"info\" ",
            "expected ':' after a key, found '{'; the file is not JSON from here on",
        ),
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
