//! Results with annotations, with what `predict` wrote, and alone.

use std::fs;
use std::sync::atomic::AtomicBool;

use seqformer_video::FfmpegLocation;
use serde_json::json;
use tempfile::tempdir;

use super::*;
use crate::Selection;
use crate::testing::mask;

/// A results file of three rows: two classes of one object, and another one.
fn rows() -> serde_json::Value {
    let (left, right) = (json!(mask("##..")), json!(mask("..##")));
    json!([
        {"video_id": 1, "score": 0.25, "category_id": 3, "segmentations": [left, null]},
        {"video_id": 1, "score": 0.5, "category_id": 4, "segmentations": [left, null]},
        {"video_id": 1, "score": 0.75, "category_id": 3, "segmentations": [right, mask("....")]}])
}

fn read(request: &Request, kind: Kind) -> Result<(Export, Vec<String>), ExportError> {
    let (ffmpeg, stop) = (FfmpegLocation::find(None), AtomicBool::new(false));
    let mut notes = Notes::default();
    let export = read_results(request, kind, &Tools { ffmpeg: &ffmpeg, stop: &stop }, &mut notes)?;
    Ok((export, notes.lines().collect()))
}

/// Number, class and score of all tracks.
fn tracks(export: &Export) -> Vec<(i64, i64, f64)> {
    let tracks = export.videos.iter().flat_map(|found| &found.video.tracks);
    tracks.map(|track| (track.id, track.category_id, track.score.unwrap())).collect()
}

#[test]
fn rows_of_one_object_become_a_track_of_the_best_class() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("results.json");
    fs::write(&path, rows().to_string()).unwrap();
    let (found, said) = read(&Request::new(&path), Kind::Ytvis).unwrap();
    assert_eq!(tracks(&found), [(1, 3, 0.75), (2, 4, 0.5)]);
    assert!(said[0].starts_with("1 results are the object of another one"), "{said:?}");
    let names: Vec<&str> = found.categories.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["class 3", "class 4"]);
    let video = &found.videos[0].video;
    assert_eq!((video.name.as_str(), video.length, &video.file_names), ("video_1", 2, &None));
    assert!(video.tracks[0].shapes.frames().nth(1).unwrap().is_none(), "no pixels");
    let selection = Selection { score_threshold: Some(0.5), max_tracks: None };
    let (found, _) = read(&Request { selection, ..Request::new(&path) }, Kind::Ytvis).unwrap();
    assert_eq!(tracks(&found), [(1, 3, 0.75)]);
}

#[test]
fn a_folder_of_predict_gives_names_numbers_classes_and_times() {
    let folder = tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("results.json", rows().to_string());
    write("videos.json", json!({"run": {}, "videos": [
        {"video_id": 1, "name": "street", "input": "/nowhere/street.mp4", "video": {"frames": 2, "height": 2, "width": 4}},
        {"video_id": 2, "name": "empty", "input": "/nowhere/empty.mp4", "video": {"frames": 1, "height": 2, "width": 4}},
        {"video_id": 3, "name": "failed", "input": "/nowhere/failed.mp4"}]}).to_string());
    let line = |id: u64, class: &str, category: u64, score: f64, areas: [u64; 2]| {
        json!({"video": "street", "video_id": 1, "track_id": id, "class": class, "category_id": category, "score": score,
            "time": [0.0, 0.5], "boxes": [null, null], "areas": areas}).to_string() + "\n"
    };
    write("tracks.jsonl", line(2, "猫", 4, 0.5, [4, 0]) + &line(7, "dog", 3, 0.75, [4, 0]));
    let request = Request::new(folder.path());
    assert!(request.inputs().unwrap().contains(&"/nowhere/street.mp4".into()));
    let (found, _) = read(&request, Kind::MaskVideo).unwrap();
    assert_eq!(tracks(&found), [(2, 4, 0.5), (7, 3, 0.75)]);
    assert_eq!(found.categories[1].name, "猫");
    let names: Vec<&str> = found.videos.iter().map(|found| found.video.name.as_str()).collect();
    assert_eq!(names, ["street", "empty"]);
    assert_eq!(found.videos[0].timing.as_ref().unwrap().times, [0.0, 0.5]);
    write("tracks.jsonl", "{\"track_id\": 1}\n".to_owned());
    let said = read(&Request::new(folder.path()), Kind::Csv).unwrap_err().to_string();
    assert!(said.contains("tracks.jsonl: line 1") && said.contains("missing field"), "{said}");
}

#[test]
fn annotations_give_all_videos_classes_and_images() {
    let folder = tempdir().unwrap();
    let [results, gt] = ["results.json", "valid.json"].map(|name| folder.path().join(name));
    let mut list = rows();
    list.as_array_mut().unwrap().iter_mut().for_each(|row| row["video_id"] = json!("a"));
    fs::write(&results, list.to_string()).unwrap();
    let video = |id: &str| json!({"id": id, "height": 2, "width": 4, "length": 2, "file_names": [format!("{id}/0.jpg"), format!("{id}/1.jpg")]});
    let classes =
        json!([{"id": 3, "name": "dog"}, {"id": 4, "name": "cat"}, {"id": 5, "name": "cow"}]);
    fs::write(&gt, json!({"videos": [video("a"), video("b")], "categories": classes}).to_string())
        .unwrap();
    let request = Request { annotations: Some(gt.clone()), ..Request::new(&results) };
    let (found, _) = read(&request, Kind::Ytvis).unwrap();
    assert_eq!((found.categories.len(), found.videos.len()), (3, 2));
    assert_eq!(found.videos[0].video.file_names.as_ref().unwrap()[1], "a/1.jpg");
    assert_eq!((tracks(&found).len(), found.videos[1].video.tracks.len()), (2, 0));
    let said = read(&Request::new(&results), Kind::Ytvis).unwrap_err().to_string();
    assert!(said.contains("[0]") && said.contains("--gt"), "{said}");
    fs::write(&gt, json!({"videos": [video("b")], "categories": classes}).to_string()).unwrap();
    let said = read(&request, Kind::Ytvis).unwrap_err().to_string();
    assert!(said.contains("a video of the annotations") && said.contains("valid.json"), "{said}");
}

#[test]
fn rows_that_do_not_fit_their_video_are_named() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("results.json");
    let check = |change: &dyn Fn(&mut serde_json::Value), expected: &str| {
        let mut list = rows();
        change(&mut list[2]);
        fs::write(&path, list.to_string()).unwrap();
        let said = read(&Request::new(&path), Kind::Csv).unwrap_err().to_string();
        assert!(said.contains("results.json: [2]") && said.contains(expected), "{said}");
    };
    check(
        &|row| row["segmentations"] = json!([null]),
        "expected an entry for each of the 2 frames",
    );
    check(&|row| row["segmentations"][0]["size"] = json!([4, 2]), "segmentations[0]");
    check(&|row| row["segmentations"][0]["counts"] = json!("~"), "segmentations[0]");
    check(&|row| row["category_id"] = json!("dog"), "category_id");
    let videos = vec![folder.path().to_path_buf()];
    fs::write(
        &path,
        json!([{"video_id": 1, "score": 0.5, "category_id": 1, "segmentations": [null]}])
            .to_string(),
    )
    .unwrap();
    let said = read(&Request::new(&path), Kind::Csv).unwrap_err().to_string();
    assert!(said.contains("video_1") && said.contains("--gt"), "{said}");
    let said = read(&Request { videos, ..Request::new(&path) }, Kind::Csv).unwrap_err().to_string();
    assert!(said.contains("expected images"), "{said}");
}
