//! Tasks of images and of films.

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::testing::read;
use crate::{Conversion, Format, convert};

fn tasks() -> Value {
    let sizes = |mut result: Value| {
        result["original_width"] = json!(200);
        result["original_height"] = json!(100);
        result
    };
    json!([
        {"id": 1, "data": {"image": "/data/upload/1/ab-street.jpg?x=1"}, "annotations": [
            {"was_cancelled": true, "result": []},
            {"result": [
                sizes(json!({"type": "polygonlabels", "value": {"points": [[10, 10], [20, 10], [20, 30], [10, 30]], "polygonlabels": ["cat"]}})),
                sizes(json!({"type": "rectanglelabels", "value": {"x": 50, "y": 20, "width": 10, "height": 10, "rotation": 0, "rectanglelabels": ["dog"]}})),
                sizes(json!({"type": "ellipselabels", "value": {"x": 50, "y": 50, "radiusX": 10, "radiusY": 10, "ellipselabels": ["cat"]}})),
                sizes(json!({"type": "keypointlabels", "value": {"x": 1, "y": 1, "keypointlabels": ["nose"]}})),
                {"type": "choices", "value": {"choices": ["good"]}}]},
            {"result": []}]},
        {"id": 2, "data": {"video": "/data/upload/1/film.mp4"}, "annotations": [{"result": [
            sizes(json!({"type": "videorectangle", "value": {"framesCount": 6, "labels": ["car"], "sequence": [
                {"frame": 1, "enabled": true, "x": 0, "y": 0, "width": 10, "height": 10},
                {"frame": 3, "enabled": false, "x": 20, "y": 0, "width": 10, "height": 10},
                {"frame": 5, "enabled": true, "x": 40, "y": 0, "width": 10, "height": 10}]}}))]}]}])
}

#[test]
fn shapes_and_films_are_read() {
    let folder = tempdir().unwrap();
    let (path, output) = (folder.path().join("tasks.json"), folder.path().join("out.json"));
    std::fs::write(&path, tasks().to_string()).unwrap();
    let done = convert(&Conversion::new(&path, Format::Cocovid, &output)).unwrap();
    assert_eq!((done.from, done.num_videos, done.num_tracks), (Format::LabelStudio, 2, 4));
    let notes: Vec<String> = done.notes.lines().collect();
    for start in ["2 labels without an area", "1 tasks have several annotations"] {
        assert!(notes.iter().any(|note| note.starts_with(start)), "{start}: {notes:?}");
    }
    let found = read(&path, Format::LabelStudio);
    let image = &found.videos[0];
    assert_eq!((image.name.as_str(), image.frame_name(0).as_ref()), ("ab-street", "ab-street.jpg"));
    let shape =
        |index: usize| image.tracks[index].shapes.frames().next().flatten().unwrap().into_owned();
    assert_eq!(shape(0).draw(image.size).unwrap().area(), 20 * 20);
    let bounds = shape(1).bounding_box();
    assert_eq!([bounds.x, bounds.y, bounds.width, bounds.height], [100.0, 20.0, 20.0, 10.0]);
    let film = &found.videos[1];
    let left: Vec<Option<f64>> = film.tracks[0]
        .shapes
        .frames()
        .map(|shape| shape.map(|shape| shape.bounding_box().x))
        .collect();
    assert_eq!(left, [Some(0.0), Some(20.0), Some(40.0), None, Some(80.0), Some(80.0)]);
}

#[test]
fn what_is_wrong_is_named() {
    let check = |change: &dyn Fn(&mut Value), expected: &str| {
        let folder = tempdir().unwrap();
        let (path, output) = (folder.path().join("tasks.json"), folder.path().join("out.json"));
        let mut file = tasks();
        change(&mut file);
        std::fs::write(&path, file.to_string()).unwrap();
        let said = convert(&Conversion::new(&path, Format::Coco, &output)).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    };
    let first = |file: &mut Value, key: &str, value: Value| {
        file[0]["annotations"][1]["result"][0]["value"][key] = value;
    };
    check(&|file| first(file, "points", json!([[1, 1]])), "result[0]: value.points");
    check(
        &|file| file[0]["annotations"][1]["result"][1]["value"]["x"] = json!("a"),
        "result[1]: value.x",
    );
    check(
        &|file| file[1]["annotations"][0]["result"][0]["value"]["framesCount"] = json!(1e12),
        "framesCount",
    );
    check(
        &|file| file[1]["annotations"][0]["result"][0]["value"]["sequence"][0]["frame"] = json!(0),
        "sequence[0].frame",
    );
    check(&|file| file[1]["annotations"][0]["result"][0]["original_width"] = json!(null), "--size");
    check(
        &|file| {
            let brush = json!({"type": "brushlabels", "original_width": 200, "original_height": 100, "value": {"rle": [1, 2]}});
            file[0]["annotations"][1]["result"][0] = brush;
        },
        "value.rle",
    );
}

#[test]
fn frames_of_films_get_names() {
    let folder = tempdir().unwrap();
    let (path, output) = (folder.path().join("tasks.json"), folder.path().join("out.json"));
    let film = &tasks()[1];
    std::fs::write(&path, json!([film]).to_string()).unwrap();
    let mut conversion = Conversion::new(&path, Format::Ytvis, &output);
    conversion.boxes_as_masks = true;
    let notes: Vec<String> = convert(&conversion).unwrap().notes.lines().collect();
    assert!(notes.iter().any(|note| note.starts_with("1 videos name no frames")), "{notes:?}");
    seqformer_data::read_ytvis(&output, folder.path()).unwrap();
}
