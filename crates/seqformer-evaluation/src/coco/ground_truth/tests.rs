use std::fs;

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
    let images: Vec<_> =
        truth.images().map(|image| (image.id, image.size.unwrap().height)).collect();
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
    assert_eq!(truth.bbox(&annotations[0]).unwrap(), bbox);
    let pixels: Vec<_> = annotations
        .iter()
        .map(|annotation| truth.mask(annotation).map(|mask| mask.area()))
        .collect();
    assert_eq!([*pixels[0].as_ref().unwrap(), *pixels[1].as_ref().unwrap()], [6, 6]);
    let message = pixels[2].as_ref().unwrap_err().to_string();
    assert!(
        message.contains("annotations[2] (id 9, image 2): segmentation: expected"),
        "{message}"
    );
    let message = truth.bbox(&annotations[1]).unwrap_err().to_string();
    assert!(
        message.contains("annotations[1] (id 8, image 4): bbox: expected [x, y, width"),
        "{message}"
    );
}

#[test]
fn annotations_may_be_missing() {
    let text = br#"{"images": [], "categories": [], "annotations": null}"#;
    assert!(read(text).unwrap().annotations().is_empty());
    assert!(read(br#"{"images": [], "categories": []}"#).unwrap().annotations().is_empty());
}
