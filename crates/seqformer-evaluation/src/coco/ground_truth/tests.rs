use std::fs;

use proptest::prelude::*;
use seqformer_masks::BoxXywh;

use super::CocoGroundTruth;

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

fn read(text: &[u8]) -> Result<CocoGroundTruth, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gt.json");
    fs::write(&path, text).unwrap();
    CocoGroundTruth::read(&path).map_err(|error| error.to_string())
}

#[test]
fn images_categories_and_annotations_are_read() {
    let truth = read(GOOD.as_bytes()).unwrap();
    let images: Vec<_> = truth.images().map(|image| (image.id, image.size.height)).collect();
    assert_eq!(images, [(2, 9), (4, 3)]);
    let names: Vec<_> = truth.categories().map(|category| category.name.as_str()).collect();
    assert_eq!(names, ["cat", "dog"]);
    let annotations = truth.annotations();
    let is_crowd: Vec<_> = annotations.iter().map(|annotation| annotation.is_crowd).collect();
    assert_eq!(is_crowd, [true, false, false, false]);
    // From the file, from six pixels of two polygons, from the box, from run lengths.
    let areas: Vec<_> = annotations.iter().map(|annotation| annotation.area).collect();
    assert_eq!(areas, [9.5, 6.0, 7.5, 12.0]);
    let bbox = BoxXywh { x: 0.0, y: 1.5, width: 2.0, height: 3.0 };
    assert_eq!([annotations[0].bbox, annotations[1].bbox], [Some(bbox), None]);
    let pixels: Vec<_> = annotations
        .iter()
        .map(|annotation| truth.mask(annotation).map(|mask| mask.area()))
        .collect();
    assert_eq!([*pixels[0].as_ref().unwrap(), *pixels[1].as_ref().unwrap()], [6, 6]);
    let message = pixels[2].as_ref().unwrap_err().to_string();
    assert!(message.contains("annotations[2] (id 9): segmentation: expected"), "{message}");
    let message = truth.bbox(&annotations[1]).unwrap_err().to_string();
    assert!(message.contains("annotations[1] (id 8): bbox: expected [x, y, width"), "{message}");
}

#[test]
fn annotations_may_be_missing() {
    let text = br#"{"images": [], "categories": [], "annotations": null}"#;
    assert!(read(text).unwrap().annotations().is_empty());
    assert!(read(br#"{"images": [], "categories": []}"#).unwrap().annotations().is_empty());
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
            "\"image_id\": 4",
            "\"image_id\": 3",
            "annotations[0] (id 7): image_id: expected the id of an image of this file, found 3",
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
        ("9.5", "NaN", "annotations[0] (id 7): area: expected a finite number, found NaN"),
        (
            "1.5, 2, 3]",
            "1.5, 2]",
            "annotations[0] (id 7): bbox: invalid length 3, expected an array",
        ),
        ("1.5, 2, 3]", "1.5, 2, null]", "annotations[0] (id 7): bbox[3]: invalid type: null"),
        (
            ", \"bbox\": [1, 1, 2.5, 3]",
            "",
            "annotations[2] (id 9): area: expected a number, found no such key and neither mask",
        ),
        (
            "[2, 6, 4]",
            "[2, 6, 5]",
            "annotations[0] (id 7): segmentation: run lengths of size 3x4 (height x width): expected a sum of 12, found 13",
        ),
        (
            "[2, 6, 4]",
            "[2, -6, 5]",
            "annotations[0] (id 7): segmentation.counts[1]: invalid value: integer `-6`, expected u32",
        ),
        ("\"0<\"", "\"0=\"", "annotations[3] (id 10): segmentation: run lengths of size 3x4"),
        (
            "4, 3, 2, 3]",
            "4, 3, 2]",
            "annotations[1] (id 8): segmentation: polygon: expected an even number of at least 6 numbers, found 7",
        ),
        (
            "[0, 0, 2, 0, 2, 2, 0, 2]",
            "[0, 0, 2, 2]",
            "annotations[1] (id 8): segmentation: polygon: expected an even number of at least 6 numbers, found 4",
        ),
        (
            "\"segmentation\": []",
            "\"segmentation\": 3",
            "annotations[2] (id 9): segmentation: invalid type: integer `3`, expected run lengths, a list of polygons, or null",
        ),
        (
            "\"iscrowd\": 1",
            "\"iscrowd\": \"1\"",
            "annotations[0] (id 7): iscrowd: invalid type: string \"1\", expected 0 or 1",
        ),
        (
            "\"id\": 2, \"height\": 9",
            "\"id\": 4, \"height\": 9",
            "images[1] (id 4): id: expected every id once, found 4 again",
        ),
        ("\"height\": 9, ", "", "images[1] (id 2): missing field `height`"),
        (
            "\"height\": 9",
            "\"height\": 0",
            "images[1] (id 2): height, width: expected at least one pixel, found 0x8",
        ),
        (
            "\"height\": 9, \"width\": 8",
            "\"height\": 99999, \"width\": 88888",
            "images[1] (id 2): height, width: mask size",
        ),
        (
            "\"id\": 2, \"name\"",
            "\"id\": 1, \"name\"",
            "categories[1] (id 1): id: expected every id once, found 1 again",
        ),
        (", \"name\": \"dog\"", "", "categories[0] (id 2): missing field `name`"),
        ("\"images\"", "\"videos\"", "the key \"images\" is missing"),
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
