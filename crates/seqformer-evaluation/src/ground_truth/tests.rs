use std::fs;

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
