use std::fs;

use proptest::prelude::*;

use super::CocoFile;

/// Annotations come first on purpose: polygons wait for the size of their image.
const GOOD: &str = r#"{"annotations": [
    {"id": 7, "image_id": 4, "category_id": 2, "iscrowd": 1, "area": 9.5, "bbox": [0, 1.5, 2, 3],
     "segmentation": {"size": [3, 4], "counts": [2, 6, 4]}, "score": 3},
    {"id": 8, "image_id": 4, "category_id": 1,
     "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2], [2, 2, 4, 2, 4, 3, 2, 3]]},
    {"id": 9, "image_id": 2, "category_id": 1, "segmentation": [], "bbox": [1, 1, 2.5, 3]},
    {"id": 10, "image_id": 2, "category_id": 1, "segmentation": {"counts": "0<", "size": [3, 4]}}],
    "images": [{"id": 4, "height": 3, "width": 4, "file_name": "a.jpg"},
               {"id": 2, "height": 9, "width": 8}],
    "info": {"year": 2017, "text": "] } \" \\"},
    "categories": [{"id": 2, "name": "dog"}, {"id": 1, "name": "cat", "supercategory": "animal"}]}"#;

fn read(text: &[u8]) -> Result<CocoFile, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gt.json");
    fs::write(&path, text).unwrap();
    CocoFile::read(&path).map_err(|error| error.to_string())
}

/// What reading a changed file leaves in its annotations, and its notes.
fn changed(from: &str, to: &str) -> (CocoFile, String) {
    let text = GOOD.replacen(from, to, 1);
    assert_ne!(text, GOOD, "{from} is not there");
    let file = read(text.as_bytes()).unwrap_or_else(|message| panic!("{to}: {message}"));
    let notes = file.notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    (file, notes)
}

#[test]
fn what_the_official_tools_take_is_taken() {
    let crowd = "annotations[0] (id 7, image 4)";
    let track = "annotations[1] (id 8, image 4)";
    for (from, to, expected) in [
        (
            "\"id\": 7, \"image_id\": 4, \"category_id\": 2",
            "\"id\": 7.0, \"image_id\": 4.0, \"category_id\": 2.0",
            String::new(),
        ),
        ("\"iscrowd\": 1", "\"iscrowd\": 1.0, \"score\": NaN", String::new()),
        ("\"height\": 9, \"width\": 8", "\"height\": null", String::new()),
        ("\"segmentation\": [], ", "", String::new()),
        ("\"segmentation\": []", "\"segmentation\": null", String::new()),
        ("[1, 1, 2.5, 3]", "[]", String::new()),
        (
            "[2, 2, 4, 2, 4, 3, 2, 3]",
            "[5.0, 6.0]",
            format!(
                "1 polygons of fewer than three points or half a point, beside good ones, are left out; the first is {track}: segmentation"
            ),
        ),
        (
            "9.5",
            "NaN",
            format!(
                "1 annotations have areas that are no finite numbers; those of their masks are used; the first is {crowd}: area, which is NaN"
            ),
        ),
        (
            "[0, 1.5, 2, 3]",
            "[0, 1.5, Infinity, 3]",
            format!(
                "1 boxes are not four finite numbers with sides of 0 or more; the box of the mask is used; the first is {crowd}: bbox, which is [0,1.5,Infinity,3]"
            ),
        ),
    ] {
        let (file, notes) = changed(from, to);
        assert_eq!((file.annotations.len(), notes), (4, expected), "{to}");
        assert_eq!(file.annotations[0].image_id, 4, "{to}");
    }
    let (_, notes) =
        changed("[[0, 0, 2, 0, 2, 2, 0, 2], [2, 2, 4, 2, 4, 3, 2, 3]]", "[[20, 30, 60, 70]]");
    assert!(
        notes.contains("1 of the skipped segmentations hold the four numbers of a box"),
        "{notes}"
    );
}

#[test]
fn frames_and_instances_are_read_and_odd_ones_are_none() {
    let first = |to: &str| changed("\"score\": 3", to).0.annotations.remove(0);
    let plain = first("\"score\": 4");
    assert!(plain.instance_id.is_none() && plain.is_occluded.is_none() && !plain.is_ignored);
    let marked = first("\"track_id\": 5, \"occluded\": true, \"ignore\": 1");
    assert_eq!((marked.instance_id, marked.is_occluded), (Some(5.into()), Some(true)));
    assert!(marked.is_ignored);
    let odd = first("\"instance_id\": [5], \"track_id\": 6, \"occluded\": \"x\", \"ignore\": {}");
    assert_eq!(
        (odd.instance_id, odd.is_occluded, odd.is_ignored),
        (Some(6.into()), Some(false), false)
    );
    let (file, _) = changed("\"file_name\"", "\"video_id\": 9, \"frame_index\": 3, \"file_name\"");
    let image = &file.images[&4];
    assert_eq!((image.video_id.clone(), image.frame), (Some(9.into()), Some(3)));
    let (file, _) =
        changed("\"file_name\"", "\"video_id\": [], \"frame_id\": \"x\", \"file_name\"");
    assert_eq!((&file.images[&4].video_id, file.images[&4].frame), (&None, None));
}

#[test]
fn texts_are_ids_if_all_lists_have_the_same() {
    let text = r#"{"images": [{"id": "b"}, {"id": "a"}], "categories": [{"id": "dog"}, {"id": 3}],
        "annotations": [{"id": "x-1", "image_id": "b", "category_id": "dog"}, {"id": 0, "image_id": "a", "category_id": 3}]}"#;
    let file = read(text.as_bytes()).unwrap();
    let found: Vec<_> =
        file.annotations.iter().map(|a| (a.id, a.image_id, a.category_id)).collect();
    // Numbers come before texts; an annotation has the number 0 only if its id is 0.
    assert_eq!(found, [(2, 2, 2), (0, 1, 1)]);
    assert_eq!(file.image_ids.id(2).to_string(), "\"b\"");
    assert_eq!(file.categories.by_id[&2].name, "dog");
}

#[test]
fn a_wrong_field_is_named_with_its_place() {
    for (from, to, expected) in [
        (
            "\"id\": 8",
            "\"id\": 7",
            "annotations[1] (id 7, image 4): id: expected an id that occurs once, found 7 for the second time",
        ),
        (
            "\"id\": 8, ",
            "",
            "annotations[1] (image 4): id: expected a whole number or a text, found no such field",
        ),
        (
            "\"image_id\": 4",
            "\"image_id\": 3",
            "annotations[0] (id 7, image 3): image_id: expected the id of an image of the file, found 3",
        ),
        (
            "\"category_id\": 1",
            "\"category_id\": 3",
            "annotations[1] (id 8, image 4): category_id: expected the id of a category of the file, found 3",
        ),
        (
            "[2, 6, 4]",
            "[2, 6, 5]",
            "annotations[0] (id 7, image 4): segmentation: expected run lengths with a sum of 12, for the size 3x4 (height x width), found a sum of 13",
        ),
        (
            "[2, 6, 4]",
            "[2, -6, 5]",
            "segmentation.counts[1]: expected a whole number of 0 or more, found -6",
        ),
        (
            "\"0<\"",
            "\"0=\"",
            "annotations[3] (id 10, image 2): segmentation: expected run lengths with a sum of 12",
        ),
        (
            "4, 3, 2, 3]",
            "4, 3, 2, \"3\"]",
            "annotations[1] (id 8, image 4): segmentation[1]: expected a list of polygons",
        ),
        (
            "\"segmentation\": []",
            "\"segmentation\": 3",
            "annotations[2] (id 9, image 2): segmentation: expected run lengths, a list of polygons, or null, found 3",
        ),
        (
            "\"iscrowd\": 1",
            "\"iscrowd\": \"1\"",
            "annotations[0] (id 7, image 4): iscrowd: expected 0 or 1, found \"1\"",
        ),
        (
            "\"id\": 2, \"height\": 9",
            "\"id\": 4, \"height\": 9",
            "images[1] (id 4): id: expected an id that occurs once",
        ),
        (
            "\"height\": 9, ",
            "",
            "images[1] (id 2): height: expected a number of pixels of 1 or more, found no such field",
        ),
        (
            "\"height\": 9",
            "\"height\": 0",
            "images[1] (id 2): height: expected a number of pixels of 1 or more, found 0",
        ),
        (
            "\"height\": 9, \"width\": 8",
            "\"height\": 99999, \"width\": 88888",
            "images[1] (id 2): height, width: expected at most",
        ),
        ("\"a.jpg\"", "7", "images[0] (id 4): file_name: expected a text, found 7"),
        (
            "\"id\": 2, \"name\"",
            "\"id\": 1, \"name\"",
            "categories[1] (id 1): id: expected an id that occurs once",
        ),
        (
            "\"images\"",
            "\"videos\"",
            "the whole file: images: expected a list, found a YTVIS file; give the dataset the type ytvis",
        ),
        (
            "\"images\": [",
            "\"images\": 3, \"x\": [",
            "the whole file: images: expected a list, found a number",
        ),
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

#[test]
fn categories_of_tao_are_merged_and_unlisted_ones_left_out() {
    let tao = r#"{
        "images": [{"id": 0, "height": 9, "width": 8}],
        "annotations": [{"id": 1, "image_id": 0, "category_id": 805},
                        {"id": 2, "image_id": 0, "category_id": 95},
                        {"id": 3, "image_id": 0, "category_id": 41}],
        "tracks": [{"id": 1, "category_id": 95}],
        "categories": [{"id": 805, "name": "person", "merged": [{"id": 41, "name": "baby"}]}]}"#;
    let file = read(tao.as_bytes()).unwrap();
    let found: Vec<_> =
        file.annotations.iter().map(|entry| (entry.id, entry.category_id)).collect();
    assert_eq!(found, [(1, 805), (3, 805)]);
    let [note] = file.notes.as_slice() else { panic!("{:?}", file.notes) };
    assert!(
        note.text.starts_with("1 objects are of a category that the file does not list"),
        "{note}"
    );
    // Elsewhere such an entry is a slip.
    let message = read(tao.replace("tracks", "others").as_bytes()).unwrap_err();
    assert!(message.contains("category_id: expected the id of a category"), "{message}");
}
