//! What training takes is taken by scoring, and the other way round.

use std::path::Path;

use seqformer_data::{read_coco, read_ytvis};
use seqformer_evaluation::{DatasetKind, check_ground_truth};
use serde_json::{Value, json};

/// A value that becomes Python's word for a number that is not finite.
const NAN: &str = "NaN!";

fn videos() -> Value {
    json!({
        "videos": [{"id": 17, "file_names": ["a/0.jpg", "a/1.jpg"], "height": 4, "width": 6, "length": 2}],
        "categories": [{"id": 5, "name": "cat", "supercategory": "animal"}, {"id": 2, "name": "dog"}],
        "annotations": [{"id": 4, "video_id": 17, "category_id": 5, "iscrowd": 0,
                         "segmentations": [{"size": [4, 6], "counts": [5, 2, 17]}, null],
                         "bboxes": [[1.0, 1.0, 1.0, 2.0], null], "areas": [2, null]}]
    })
}

fn images() -> Value {
    json!({
        "images": [{"id": 9, "file_name": "9.jpg", "height": 4, "width": 6}],
        "categories": [{"id": 18, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 9, "category_id": 18, "bbox": [0, 0, 3, 3], "area": 9,
             "segmentation": [[0, 0, 3, 0, 3, 3, 0, 3]], "iscrowd": 0},
            {"id": 2, "image_id": 9, "category_id": 18, "bbox": [0, 0, 3, 3], "area": 9,
             "segmentation": {"size": [4, 6], "counts": [5, 2, 17]}, "iscrowd": 0}]
    })
}

/// A change of a file: where, and to what.
type Change = (&'static str, Value);

fn changed(mut file: Value, changes: &[Change]) -> String {
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = file.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}"));
        match parent {
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
            Value::Object(fields) if *value == json!("remove") => {
                fields.remove(key).unwrap();
            }
            other => other[key] = value.clone(),
        }
    }
    file.to_string().replace(&format!("\"{NAN}\""), "NaN")
}

/// Reads a text both ways; nothing where it is taken, otherwise what is said.
fn both(text: &[u8], kind: DatasetKind) -> [Option<String>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instances.json");
    std::fs::write(&path, text).unwrap();
    let training = match kind {
        DatasetKind::Ytvis => read_ytvis(&path, Path::new("images")),
        DatasetKind::Coco => read_coco(&path, Path::new("images")),
    };
    let scoring = check_ground_truth(&path, kind);
    [training.err().map(|e| e.to_string()), scoring.err().map(|e| e.to_string())]
}

/// What both have to take.
fn good_videos() -> Vec<Vec<Change>> {
    let mask = "/annotations/0/segmentations/0";
    let track = "/annotations/0";
    let at = |field: &'static str, value: Value| vec![(field, value)];
    vec![
        Vec::new(),
        vec![
            ("/annotations/0/id", json!(4.0)),
            ("/annotations/0/video_id", json!(17.0)),
            ("/annotations/0/category_id", json!(5.0)),
        ],
        vec![("/videos/0/id", json!("v")), ("/annotations/0/video_id", json!("v"))],
        vec![("/videos/0/id", json!(-17)), ("/annotations/0/video_id", json!(-17))],
        vec![("/categories/0/id", json!("cat")), ("/annotations/0/category_id", json!("cat"))],
        at("/annotations/0/id", json!("track-1")),
        at("/annotations/0/iscrowd", Value::Null),
        at("/annotations/0/iscrowd", json!(0.0)),
        at("/annotations/0/iscrowd", json!(2)),
        at("/annotations/0/iscrowd", json!("remove")),
        at("/annotations/0/segmentations/1", json!([])),
        at("/annotations/0/segmentations/1", json!({})),
        at(
            "/annotations/0/segmentations",
            json!([{"size": [4, 6], "counts": [5, 2, 17]}, null, null, null]),
        ),
        at(mask, json!([[0, 0, 3, 0, 3, 3, 0, 3], [5.0, 6.0], [1, 2, 3, 4], []])),
        at(mask, json!([[1, 2, 3, 4]])),
        at(mask, json!([[1, 2]])),
        at("/annotations/0/bboxes", json!("remove")),
        at("/annotations/0/bboxes", Value::Null),
        at("/annotations/0/bboxes", json!([[1, 1, 1, 2]])),
        at("/annotations/0/bboxes/0", json!([1, NAN, 2, 2])),
        at("/annotations/0/bboxes/0", json!([1, 1, -1, 2])),
        at("/annotations/0/bboxes/0", json!([])),
        at("/annotations/0/areas", json!("remove")),
        at("/annotations/0/areas", json!([2])),
        at("/annotations/0/areas", json!([NAN, null])),
        at("/annotations/0/areas/0", json!("2")),
        at("/annotations/0/attributes", json!({"occluded": NAN})),
        at("/annotations/0/height", json!(NAN)),
        at("/videos/0/length", json!("remove")),
        at("/videos/0/length", json!(2.0)),
        at("/videos/0/length", json!(1)),
        at("/videos/0/width", json!(6.0)),
        at("/videos/0/flickr_url", json!(NAN)),
        at("/categories/0/supercategory", Value::Null),
        at("/categories/0/name", Value::Null),
        at("/categories/0/id", json!(90))
            .into_iter()
            .chain([("/annotations/0/category_id", json!(90))])
            .collect(),
        at("/annotations", Value::Null),
        at("/annotations", json!("remove")),
        vec![("/categories", json!("remove")), ("/annotations", json!([]))],
        at("/licenses", Value::Null),
        at("/info", json!(NAN)),
        at(
            track,
            json!({"id": 0, "video_id": 17, "category_id": 2, "segmentations": [null, null]}),
        ),
    ]
}

/// What both have to refuse, with a word that the message has to have.
fn bad_videos() -> Vec<(Vec<Change>, &'static str)> {
    let mask = "/annotations/0/segmentations/0";
    let cases: Vec<(&'static str, Value, &'static str)> = vec![
        ("/videos", json!({"a": {"objects": {}}}), "meta.json of YouTube-VOS"),
        ("/videos", json!("remove"), "videos"),
        ("/videos/0/height", json!("remove"), "height"),
        ("/videos/0/height", json!(4.5), "height"),
        ("/videos/0/length", json!("two"), "length"),
        ("/videos/0/id", json!("17"), "video_id"),
        ("/annotations/0/video_id", json!("17"), "video_id"),
        ("/annotations/0/video_id", json!(NAN), "found NaN"),
        ("/annotations/0/category_id", json!(3), "category_id"),
        ("/annotations/0/id", json!("remove"), "id"),
        ("/annotations/0/iscrowd", json!("0"), "iscrowd"),
        ("/annotations/0/segmentations", json!([null]), "1 entries"),
        ("/annotations/0/segmentations", json!("remove"), "segmentations"),
        (mask, json!({"size": [4, 6], "counts": [5, 2, 16]}), "segmentations[0]"),
        (mask, json!({"size": [4, 6], "counts": [5, NAN, 17]}), "segmentations[0].counts[1]"),
        (mask, json!([[0, 0, 3, 0, 3, NAN]]), "found [0,0,3,0,3,NaN]"),
        (mask, json!([0, 0, 3, 0, 3, 3]), "segmentations[0][0]"),
        (mask, json!("rle"), "segmentations[0]"),
        ("/categories/0/id", json!(2), "categories[1]"),
        ("/categories", json!("remove"), "lists no category"),
    ];
    cases.into_iter().map(|(at, value, word)| (vec![(at, value)], word)).collect()
}

#[test]
fn odd_files_of_videos_are_taken_or_refused_by_training_and_scoring_alike() {
    for change in good_videos() {
        let outcome = both(changed(videos(), &change).as_bytes(), DatasetKind::Ytvis);
        assert_eq!(outcome, [None, None], "{change:?}");
    }
    for (change, word) in bad_videos() {
        let outcome = both(changed(videos(), &change).as_bytes(), DatasetKind::Ytvis);
        let [Some(training), Some(scoring)] = &outcome else { panic!("{change:?}: {outcome:?}") };
        assert!(training.contains(word), "{change:?}: {training}");
        assert_eq!(training, scoring, "{change:?}");
    }
}

#[test]
fn odd_files_of_images_are_taken_or_refused_by_training_and_scoring_alike() {
    let at = |field: &'static str, value: Value| vec![(field, value)];
    let mask = "/annotations/0/segmentation";
    for change in [
        Vec::new(),
        at("/annotations/0/id", json!(1.0)),
        vec![
            ("/images/0/id", json!("a_9")),
            ("/annotations/0/image_id", json!("a_9")),
            ("/annotations/1/image_id", json!("a_9")),
        ],
        at("/annotations/0/iscrowd", Value::Null),
        at(mask, json!([])),
        at(mask, json!("remove")),
        at(mask, json!([[20, 30, 60, 70]])),
        at(mask, json!([[0, 0, 3, 0, 3, 3, 0, 3], [5.0, 6.0]])),
        vec![(mask, json!([])), ("/annotations/0/bbox", json!([]))],
        at("/annotations/0/bbox", json!("remove")),
        at("/annotations/0/area", json!(NAN)),
        at("/annotations/0/area", json!("remove")),
        at("/images/0/date", json!(NAN)),
        at("/categories/0/supercategory", Value::Null),
        at("/annotations", Value::Null),
    ] {
        let outcome = both(changed(images(), &change).as_bytes(), DatasetKind::Coco);
        assert_eq!(outcome, [None, None], "{change:?}");
    }
    for (pointer, value, word) in [
        ("/images", json!({"9": {}}), "images"),
        ("/images", json!("remove"), "images"),
        ("/images/0/height", json!(0), "height"),
        ("/annotations/0/image_id", json!(8), "image_id"),
        ("/annotations/0/category_id", json!(1), "category_id"),
        ("/annotations/1/id", json!(1), "second time"),
        (mask, json!([[0, 0, 3, 0, 3, NAN]]), "NaN"),
        (mask, json!({"size": [4, 6], "counts": [5, 2]}), "a sum of 7"),
    ] {
        let change = at(pointer, value);
        let outcome = both(changed(images(), &change).as_bytes(), DatasetKind::Coco);
        let [Some(training), Some(scoring)] = &outcome else { panic!("{change:?}: {outcome:?}") };
        assert!(training.contains(word), "{change:?}: {training}");
        assert_eq!(training, scoring, "{change:?}");
    }
}

#[test]
fn encodings_are_taken_or_refused_alike() {
    let text = changed(videos(), &[]);
    let marked = format!("\u{feff}{text}");
    assert_eq!(both(marked.as_bytes(), DatasetKind::Ytvis), [None, None]);
    let utf16: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [&utf16[..], &utf16[2..]] {
        let outcome = both(bytes, DatasetKind::Ytvis);
        for message in outcome {
            let message = message.unwrap();
            assert!(message.contains("UTF-16") && message.contains("as UTF-8"), "{message}");
        }
    }
}

#[test]
fn only_training_needs_the_images_and_masks_of_their_size() {
    let cases = [
        (changed(videos(), &[("/videos/0/file_names", json!("remove"))]), "file_names"),
        (changed(videos(), &[("/videos/0/length", json!(0))]), "file_names"),
        (
            changed(videos(), &[("/annotations/0/segmentations/0/size", json!([6, 4]))]),
            "was it written as [width, height]?",
        ),
    ];
    for (text, word) in cases {
        let [training, scoring] = both(text.as_bytes(), DatasetKind::Ytvis);
        let training = training.unwrap();
        assert!(training.contains(word), "{training}");
        assert_eq!(scoring, None);
    }
}
