//! VIA there and back; projects of both versions; what is wrong.

use std::path::Path;

use proptest::prelude::*;
use seqformer_masks::ImageSize;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::dataset::Dataset;
use crate::testing::{Keeps, datasets, frame_stems, plain, there_and_back};
use crate::{Format, Notes, ReadOptions, Shape, guess};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn numbers_classes_and_every_pixel_come_back(
        mut made in datasets(Keeps { overlap: true, max_id: 9000, marks: false })
    ) {
        made.videos.retain(|video| video.length > 1);
        prop_assume!(!made.videos.is_empty());
        let folder = tempdir().unwrap();
        let (back, _) = there_and_back(&made, Format::Via, folder.path());
        prop_assert_eq!(plain(&back), plain(&made));
        prop_assert_eq!(frame_stems(&back), frame_stems(&made));
    }
}

/// Reads a project; pictures without a size have 20x20 pixels.
fn read(file: &Value) -> Result<(Dataset, Vec<String>), String> {
    let folder = tempdir().unwrap();
    let path = folder.path().join("via.json");
    std::fs::write(&path, file.to_string()).unwrap();
    assert_eq!(guess(&path).unwrap(), Format::Via);
    let options = ReadOptions { size: Some(ImageSize { height: 20, width: 20 }), images: None };
    let mut notes = Notes::default();
    let read = Format::Via.reader().read(Path::new(&path), &options, &mut notes);
    read.map(|dataset| (dataset, notes.lines().collect())).map_err(|error| error.to_string())
}

fn areas(dataset: &Dataset) -> Vec<(String, String, u64)> {
    let mut found = Vec::new();
    for video in &dataset.videos {
        for track in &video.tracks {
            for shape in track.shapes.frames().flatten() {
                let area = match &*shape {
                    Shape::Box(bounds) => (bounds.width * bounds.height) as u64,
                    other => other.draw(video.size).unwrap().area(),
                };
                found.push((
                    video.name.clone(),
                    dataset.category_name(track.category_id).to_owned(),
                    area,
                ));
            }
        }
    }
    found
}

#[test]
fn shapes_of_version_2_are_read_with_the_attribute_that_names_classes() {
    let region = |shape: Value, class: Value| json!({"shape_attributes": shape, "region_attributes": {"Fisch": class}});
    let square =
        json!({"name": "polygon", "all_points_x": [2, 6, 6, 2], "all_points_y": [2, 2, 6, 6]});
    let export = json!({
        "10.jpg77": {"filename": "10.jpg", "size": 77, "file_attributes": {}, "regions": [region(square, json!("pike"))]},
        "9.jpg77": {"filename": "9.jpg", "size": 77, "regions": {"0": region(json!({"name": "rect", "x": 1, "y": 1, "width": 3, "height": 2}), json!({"eel": true, "pike": false})),
            "1": region(json!({"name": "point", "cx": 1, "cy": 1}), json!("eel")),
            "2": region(json!({"name": "ellipse", "cx": 10, "cy": 10, "rx": 8, "ry": 2, "theta": std::f64::consts::FRAC_PI_2}), json!(""))}}});
    let (dataset, notes) = read(&export).unwrap();
    let found = areas(&dataset);
    assert_eq!(found[0], ("9".into(), "eel".into(), 6));
    assert_eq!(found[2], ("10".into(), "pike".into(), 16));
    let bounds =
        dataset.videos[0].tracks[1].shapes.frames().next().flatten().unwrap().bounding_box();
    assert!(
        (bounds.height - 16.0).abs() < 1e-3 && (bounds.width - 4.0).abs() < 0.1,
        "turned upright: {bounds:?}"
    );
    assert!(
        notes[0].contains("\"Fisch\" is taken for the class")
            && notes[1].starts_with("1 points and lines"),
        "{notes:?}"
    );
    let project = json!({"_via_settings": {}, "_via_img_metadata": export, "_via_attributes": {"region": {"Fisch": {}, "colour": {}}}});
    let (dataset, notes) = read(&project).unwrap();
    assert_eq!(dataset.categories[0].name, "object");
    assert!(notes[0].starts_with("no attribute is taken for the class"), "{notes:?}");
}

/// A project of version 3 with two pictures and a film.
fn version_3() -> Value {
    json!({
        "project": {"pid": "x", "vid_list": ["1", "2", "3"], "data_format_version": "3.1.1"}, "config": {},
        "attribute": {"1": {"aname": "Label", "type": 4, "options": {"0": "cat", "1": "猫"}},
                      "2": {"aname": "track_id", "type": 1, "options": {}}},
        "file": {"1": {"fid": "1", "fname": "v/0.jpg", "type": 2}, "2": {"fid": "2", "fname": "v/1.jpg", "type": 2},
                 "3": {"fid": "3", "fname": "film.mp4", "type": 4}},
        "metadata": {
            "1_a": {"vid": "1", "z": [], "xy": [7, 1, 1, 5, 1, 5, 4, 1, 4], "av": {"1": "1", "2": "a"}},
            "1_b": {"vid": "2", "z": [], "xy": [2, 3, 3, 2, 2], "av": {"1": "1", "2": "a"}},
            "1_c": {"vid": "2", "z": [], "xy": [9, 2, 10, 10, 2, 18, 10], "av": {"1": "0", "2": "b"}},
            "1_d": {"vid": "2", "z": [], "xy": [], "av": {}},
            "1_e": {"vid": "3", "z": [1.5], "xy": [2, 3, 3, 2, 2], "av": {}}},
        "view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": ["2"]}, "3": {"fid_list": [3]}}
    })
}

#[test]
fn objects_of_version_3_are_followed_by_their_numbers() {
    let (dataset, notes) = read(&version_3()).unwrap();
    let found = areas(&dataset);
    assert_eq!(found[..2], [("v".into(), "猫".into(), 12), ("v".into(), "猫".into(), 4)]);
    let [video] = dataset.videos.as_slice() else { panic!() };
    // A circle around (10, 10) with a radius of 8.
    let circle = video.tracks[1].shapes.frames().nth(1).flatten().unwrap().bounding_box();
    let edges = [circle.x - 2.0, circle.y - 2.0, circle.width - 16.0, circle.height - 16.0];
    assert!(found[2].1 == "cat" && edges.iter().all(|edge| edge.abs() < 1e-9), "{circle:?}");
    assert_eq!((video.length, video.tracks.len()), (2, 2));
    assert!(notes.iter().any(|note| note.starts_with("1 films are left out")), "{notes:?}");
}

#[test]
fn what_is_wrong_is_named() {
    let check = |change: &dyn Fn(&mut Value), expected: &str| {
        let mut file = version_3();
        change(&mut file);
        let said = read(&file).unwrap_err();
        assert!(said.contains(expected), "{said}");
    };
    check(&|file| file["metadata"]["1_a"]["xy"] = json!([7, 1, 1]), "metadata 1_a: xy");
    check(&|file| file["metadata"]["1_a"]["xy"] = json!([77, 1, 1]), "the number of a shape");
    check(&|file| file["metadata"]["1_c"]["xy"] = json!([9, 1, 1, 2, 2, 3, 3]), "metadata 1_c: xy");
    check(&|file| file["metadata"]["1_a"]["vid"] = json!("9"), "vid: expected a view");
    check(
        &|file| file["file"] = json!({"3": {"fname": "film.mp4", "type": 4}}),
        "1 films or sounds",
    );
    let old = json!({"a.jpg1": {"filename": "a.jpg", "regions": [{"shape_attributes": {"name": "polygon", "all_points_x": [1, 2, 3], "all_points_y": [1, 2]}}]}});
    let said = read(&old).unwrap_err();
    assert!(
        said.contains("picture a.jpg1: regions[0]: all_points_y: expected as many numbers"),
        "{said}"
    );
}
