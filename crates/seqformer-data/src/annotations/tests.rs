//! Good files of every layout, and bad ones.

use std::fs;

use seqformer_masks::ImageSize;
use serde_json::{Value, json};

use super::*;
use crate::Segmentation;

const SIZE: ImageSize = ImageSize { height: 4, width: 6 };

fn read_text(text: &str, kind: &str) -> Result<AnnotatedVideos, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instances.json");
    fs::write(&path, text).unwrap();
    match kind {
        "coco" => read_coco(&path, Path::new("images")),
        _ => read_ytvis(&path, Path::new("images")),
    }
}

/// A file with one video of two frames and one object.
fn video_file() -> Value {
    json!({
        "info": {"year": 2019},
        "videos": [{"id": 17, "file_names": ["a/0.jpg", "a/1.jpg"], "height": 4, "width": 6,
                    "length": 2, "license": 1}],
        "categories": [{"id": 5, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [{"id": 4, "video_id": 17, "category_id": 5, "iscrowd": 0,
                         "segmentations": [{"size": [4, 6], "counts": [5, 2, 17]}, null],
                         "bboxes": [[1.0, 1.0, 1.0, 2.0], null], "areas": [2, null]}]
    })
}

fn image_file() -> Value {
    json!({
        "images": [{"id": 9, "file_name": "9.jpg", "height": 4, "width": 6}],
        "categories": [{"id": 18, "name": "dog"}],
        "annotations": [{"id": 1, "image_id": 9, "category_id": 18, "bbox": [0, 0, 3, 3],
                         "segmentation": [[0, 0, 3, 0, 3, 3, 0, 3]], "iscrowd": 0}]
    })
}

#[test]
fn a_video_file_becomes_records_with_contiguous_categories() {
    let read = read_text(&video_file().to_string(), "ytvis").unwrap();
    assert_eq!(read.categories.names(), ["dog", "cat"]);
    let [video] = read.videos.as_slice() else { panic!("{:?}", read.videos) };
    assert_eq!((video.id, video.size), (17, SIZE));
    assert_eq!(video.frames[1], Path::new("images/a/1.jpg"));
    let [track] = video.tracks.as_slice() else { panic!("{:?}", video.tracks) };
    assert_eq!((track.id, track.category, track.is_crowd), (4, 1, false));
    assert!(track.frames[0].is_some() && track.frames[1].is_none());
    let mask = track.frames[0].as_ref().unwrap().segmentation.to_mask(SIZE).unwrap();
    assert!(mask.get(1, 1) && mask.get(2, 1) && mask.area() == 2);
}

#[test]
fn all_ways_to_write_a_segmentation_are_read() {
    let check = |segmentation: Value, expected_area: Option<u64>| {
        let mut file = video_file();
        file["annotations"][0]["segmentations"][0] = segmentation.clone();
        let read = read_text(&file.to_string(), "ytvis").unwrap();
        let frame = read.videos[0].tracks.first().and_then(|track| track.frames[0].as_ref());
        let area = frame.map(|frame| frame.segmentation.to_mask(SIZE).unwrap().area());
        assert_eq!(area, expected_area, "{segmentation}");
    };
    let rle = seqformer_masks::Rle::from_counts(SIZE, vec![3, 4, 17]).unwrap();
    check(json!({"size": [4, 6], "counts": rle.to_compressed()}), Some(4));
    check(json!({"size": [4, 6], "counts": [3, 4, 17]}), Some(4));
    check(json!([[0, 0, 3, 0, 3, 3, 0, 3]]), Some(9));
    check(json!([[0, 0, 3, 0, 3, 3, 0, 3], [1, 1], [0, 0, 1, 1, 2, 2, 3]]), Some(9));
    check(json!([[1, 1]]), None);
    check(json!([]), None);
    check(json!({}), None);
    check(Value::Null, None);
}

#[test]
fn test_files_without_annotations_are_read() {
    for annotations in [json!(null), json!([])] {
        let mut file = video_file();
        file["annotations"] = annotations;
        assert!(read_text(&file.to_string(), "ytvis").unwrap().videos[0].tracks.is_empty());
    }
    let mut file = video_file();
    file.as_object_mut().unwrap().remove("annotations");
    let mut read = read_text(&file.to_string(), "ytvis").unwrap();
    let message = read.check_for_training(40).unwrap_err().to_string();
    assert!(message.contains("training split"), "{message}");
    assert_eq!((read.remove_empty(), read.videos.len()), (1, 0));
}

#[test]
fn a_coco_file_becomes_videos_of_one_frame() {
    let read = read_text(&image_file().to_string(), "coco").unwrap();
    let video = &read.videos[0];
    assert_eq!((video.id, video.frames.len(), video.tracks.len()), (9, 1, 1));
    let frame = video.tracks[0].frames[0].as_ref().unwrap();
    assert!(matches!(frame.segmentation, Segmentation::Polygons(_)));
    read.check_for_training(1).unwrap();
}

#[test]
fn more_categories_than_classes_cannot_be_trained() {
    let read = read_text(&video_file().to_string(), "ytvis").unwrap();
    read.check_for_training(2).unwrap();
    let message = read.check_for_training(1).unwrap_err().to_string();
    assert!(message.contains("NUM_CLASSES") && message.contains("2 categories"), "{message}");
}

/// Sets the value at a path of keys and positions; `remove` takes it away.
fn changed(mut file: Value, pointer: &str, value: Value) -> Value {
    if value == json!("remove") {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        file.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap();
    } else {
        *file.pointer_mut(pointer).unwrap() = value;
    }
    file
}

#[test]
fn bad_entries_are_named() {
    let check = |kind: &str, pointer: &str, value: Value, words: &[&str]| {
        let file = if kind == "coco" { image_file() } else { video_file() };
        let text = changed(file, pointer, value).to_string().replace("\"NaN!\"", "NaN");
        let message = read_text(&text, kind).unwrap_err().to_string();
        for word in words.iter().chain(&["instances.json", "expected", "found"]) {
            assert!(message.contains(word), "{pointer}: {word:?} is not in: {message}");
        }
    };
    let video = |pointer: &str, value: Value, words: &[&str]| check("ytvis", pointer, value, words);
    video("/videos", json!("remove"), &["videos"]);
    video("/videos/0/id", json!("remove"), &["videos[0]", "id"]);
    video("/videos/0/height", json!("remove"), &["videos[0] (id 17)", "height"]);
    video("/videos/0/width", json!(0), &["videos[0] (id 17)", "width"]);
    video("/videos/0/width", json!(4_000_000_000_u64), &["videos[0] (id 17)", "height, width"]);
    video("/videos/0/length", json!(3), &["annotations[0]", "segmentations", "3 frames"]);
    video("/videos/0/file_names", json!(["a"]), &["videos[0] (id 17)", "file_names", "2 frames"]);
    video("/videos/0/length", json!(0), &["videos[0] (id 17)", "file_names", "1 frames"]);
    video("/videos/0/file_names", json!("remove"), &["videos[0] (id 17)", "file_names"]);
    video("/videos/0/file_names/1", json!(7), &["videos[0] (id 17)", "file_names[1]"]);
    video("/videos/0", json!([]), &["videos[0]", "an object"]);
    video("/categories/0/name", json!(3), &["categories[0] (id 5)", "name"]);
    video("/categories/0/id", json!(2), &["categories[1] (id 2)", "second time"]);
    let annotation = "annotations[0] (id 4, video 17)";
    video("/annotations/0/id", json!(4.5), &["annotations[0] (video 17)", "4.5"]);
    video("/annotations/0/video_id", json!(18), &["annotations[0] (id 4, video 18)", "video_id"]);
    video("/annotations/0/category_id", json!(3), &[annotation, "category_id"]);
    video("/annotations/0/iscrowd", json!("1"), &[annotation, "iscrowd"]);
    video("/annotations/0/segmentations", json!([null]), &[annotation, "segmentations", "1 ent"]);
    let mask = "/annotations/0/segmentations/0";
    video(
        mask,
        json!({"size": [6, 4], "counts": [24]}),
        &[annotation, "segmentations[0].size", "6x4"],
    );
    video(mask, json!({"size": [4, 6], "counts": [23]}), &[annotation, "segmentations[0]", "23"]);
    video(mask, json!({"size": [4, 6], "counts": "~"}), &[annotation, "segmentations[0]"]);
    video(mask, json!({"size": [4, 6]}), &[annotation, "segmentations[0].counts"]);
    video(mask, json!([0, 0, 3, 0, 3, 3]), &[annotation, "segmentations[0][0]", "list of polyg"]);
    video(mask, json!([[0, 0, 1e9, 0, 3, 3]]), &[annotation, "segmentations[0][0]"]);
    video(mask, json!([["NaN!", 0, 1, 0, 3, 3]]), &[annotation, "segmentations[0][0]", "NaN"]);
    video(mask, json!("text"), &[annotation, "segmentations[0]"]);

    let image = |pointer: &str, value: Value, words: &[&str]| check("coco", pointer, value, words);
    image("/images", json!("remove"), &["images"]);
    image("/images/0/file_name", json!("remove"), &["images[0] (id 9)", "file_name"]);
    image("/images/0/height", json!("remove"), &["images[0] (id 9)", "height"]);
    image("/annotations/0/image_id", json!(1), &["annotations[0] (id 1, image 1)", "image_id"]);
}

#[test]
fn boxes_are_those_of_the_pixels_and_only_say_where_an_object_is_seen() {
    let seen = |pointer: &str, value: Value| {
        let text = changed(video_file(), pointer, value).to_string().replace("\"NaN!\"", "NaN");
        let read = read_text(&text, "ytvis").unwrap();
        let frames = &read.videos[0].tracks[0].frames;
        (frames.iter().map(Option::is_some).collect::<Vec<_>>(), read.notes.join("; "))
    };
    assert_eq!(seen("/annotations/0/bboxes", json!("remove")).0, [true, false]);
    assert_eq!(seen("/annotations/0/bboxes/0", json!([])).0, [false, false]);
    for odd in [json!([1, "NaN!", 2, 2]), json!([1, 1, -1, 2]), json!([1, 2, 3]), json!("box")] {
        let (frames, notes) = seen("/annotations/0/bboxes/0", odd.clone());
        assert_eq!(frames, [true, false], "{odd}");
        let place = "annotations[0] (id 4, video 17): bboxes[0]";
        assert!(notes.contains("the box of the mask is used") && notes.contains(place), "{notes}");
    }
}

#[test]
fn texts_as_ids_are_numbered_in_their_order() {
    let mut file = video_file();
    file["videos"][0]["id"] = json!("street");
    file["annotations"][0]["video_id"] = json!("street");
    let mut other = file["videos"][0].clone();
    other["id"] = json!("Avenue");
    file["videos"].as_array_mut().unwrap().push(other);
    let read = read_text(&file.to_string(), "ytvis").unwrap();
    let videos: Vec<_> = read.videos.iter().map(|video| (video.id, video.tracks.len())).collect();
    assert_eq!(videos, [(1, 0), (2, 1)]);
    assert_eq!([1, 2].map(|id| read.video_ids.id(id).to_string()), ["\"Avenue\"", "\"street\""]);
}

#[test]
fn the_other_kind_of_file_is_recognised() {
    let message = read_text(&image_file().to_string(), "ytvis").unwrap_err().to_string();
    assert!(message.contains("found a COCO file"), "{message}");
    let message = read_text(&video_file().to_string(), "coco").unwrap_err().to_string();
    assert!(message.contains("found a YTVIS file"), "{message}");
}

#[test]
fn entries_with_the_same_id_are_refused() {
    let mut file = video_file();
    let copy = file["annotations"][0].clone();
    file["annotations"].as_array_mut().unwrap().push(copy);
    let message = read_text(&file.to_string(), "ytvis").unwrap_err().to_string();
    assert!(message.contains("annotations[1] (id 4, video 17): id"), "{message}");
}

#[test]
fn every_cut_of_a_file_is_an_error() {
    let text = video_file().to_string();
    for length in (0..text.len()).step_by(7) {
        let message = read_text(&text[..length], "ytvis").unwrap_err().to_string();
        assert!(message.contains("instances.json"), "{message}");
    }
}

#[test]
fn the_golden_files_are_read() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/public");
    for (name, videos, tracks) in [("eval/gt.json", 12, 22), ("tiny_video/instances.json", 2, 0)] {
        let path = golden.join(name);
        let read = read_ytvis(&path, Path::new("images")).unwrap();
        let found: usize = read.videos.iter().map(|video| video.tracks.len()).sum();
        assert_eq!((read.videos.len(), found), (videos, tracks), "{name}");
        let json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let ids: Vec<u64> = read.videos.iter().map(|video| video.id).collect();
        let mut expected: Vec<u64> = serde_json::from_value(
            json["videos"].as_array().unwrap().iter().map(|video| video["id"].clone()).collect(),
        )
        .unwrap();
        expected.sort_unstable();
        assert_eq!(ids, expected);
    }
}
