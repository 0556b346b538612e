//! A small YouTube-VIS file for tests.

use std::path::Path;

use serde_json::{Value, json};

/// Videos `street_N` of five frames with one to three objects; every third frame of an object is empty.
pub(crate) fn dataset(num_videos: usize) -> Value {
    let names = |video: usize| {
        (0..5).map(|frame| format!("street_{video}/{frame:05}.jpg")).collect::<Vec<_>>()
    };
    let video = |video: usize| json!({"id": 10 + video, "height": 4, "width": 6, "length": 5, "file_names": names(video), "note": "é"});
    let mut annotations = Vec::new();
    for video in 0..num_videos {
        for object in 0..=video % 3 {
            let mask = |frame: usize| {
                (frame % 3 != object)
                    .then(|| json!({"size": [4, 6], "counts": [5 + frame, 2, 17 - frame]}))
            };
            let area = |frame: usize| (frame % 3 != object).then_some(2);
            annotations.push(json!({
                "id": annotations.len() + 1, "video_id": 10 + video, "category_id": ([3, 7, 9][object]),
                "iscrowd": 0, "more": 0.1,
                "segmentations": (0..5).map(mask).collect::<Vec<_>>(),
                "bboxes": (0..5).map(|_| Value::Null).collect::<Vec<_>>(),
                "areas": (0..5).map(area).collect::<Vec<_>>(),
            }));
        }
    }
    json!({
        "info": {"year": 2019},
        "videos": (0..num_videos).map(video).collect::<Vec<_>>(),
        "categories": [{"id": 3, "name": "car", "supercategory": "vehicle"}, {"id": 7, "name": "Fuß"},
                       {"id": 9, "name": "cat"}],
        "annotations": annotations,
    })
}

/// Reads a JSON file.
pub(crate) fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
