//! What is kept, and that the file can be read again.

use std::fs;

use super::*;
use crate::{ClassTable, CocoTable, read_coco};

const COCO: &str = r#"{
    "info": {"year": 2017},
    "images": [
        {"id": 7, "file_name": "7.jpg", "height": 20, "width": 30},
        {"id": 8, "file_name": "8.jpg", "height": 20, "width": 30},
        {"id": 9, "file_name": "9.jpg", "height": 20, "width": 30}
    ],
    "categories": [{"id": 3, "name": "car"}, {"id": 44, "name": "bottle"}],
    "annotations": [
        {"id": 1, "image_id": 9, "category_id": 3, "iscrowd": 0, "area": 25, "bbox": [1, 1, 5, 5],
         "segmentation": [[1, 1, 6, 1, 6, 6, 1, 6]]},
        {"id": 2, "image_id": 8, "category_id": 44, "iscrowd": 0, "area": 25, "bbox": [1, 1, 5, 5],
         "segmentation": [[1, 1, 6, 1, 6, 6, 1, 6]]},
        {"id": 3, "image_id": 9, "category_id": 44, "iscrowd": 0, "area": 25, "bbox": [1, 1, 5, 5],
         "segmentation": [[1, 1, 6, 1, 6, 6, 1, 6]]}
    ]
}"#;

#[test]
fn objects_of_other_classes_and_images_without_any_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (json, output) = (folder.path().join("coco.json"), folder.path().join("subset.json"));
    fs::write(&json, COCO).unwrap();
    for (target, car) in
        [(ClassTable::Ytvis2019, 6), (ClassTable::Ytvis2021, 5), (ClassTable::Ovis, 25)]
    {
        let map = CategoryMap::from_coco(target, CocoTable::default()).unwrap();
        let subset = write_coco_subset(&json, &map, &target.categories(), &output).unwrap();
        assert_eq!(subset, CocoSubset { images: 1, annotations: 1, dropped: 2 });
        let read = read_coco(&output, folder.path()).unwrap();
        assert_eq!(read.categories, target.categories());
        assert_eq!(read.videos.len(), 1);
        assert_eq!(read.videos[0].id, 9);
        assert_eq!(read.videos[0].tracks.len(), 1);
        assert_eq!(read.categories.ids()[read.videos[0].tracks[0].category], car);
    }
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn a_file_of_another_kind_and_a_missing_field_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let (json, output) = (folder.path().join("coco.json"), folder.path().join("subset.json"));
    let map = CategoryMap::from_coco(ClassTable::Ovis, CocoTable::default()).unwrap();
    let message = |text: &str| {
        fs::write(&json, text).unwrap();
        let error = write_coco_subset(&json, &map, &ClassTable::Ovis.categories(), &output);
        assert!(!output.exists());
        error.unwrap_err().to_string()
    };
    assert!(message(r#"{"videos": []}"#).contains("images"));
    let text = message(&COCO.replace("\"image_id\": 9, \"category_id\": 3", "\"category_id\": 3"));
    assert!(text.contains("annotations[0] (id 1)") && text.contains("image_id"), "{text}");
}
