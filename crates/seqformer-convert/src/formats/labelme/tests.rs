//! labelme there and back; its other shapes; what is wrong.

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::dataset::Dataset;
use crate::testing::{Keeps, datasets, frame_stems, plain, read, there_and_back};
use crate::{Conversion, Format, convert};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn numbers_classes_marks_and_every_pixel_come_back(
        mut made in datasets(Keeps { overlap: true, max_id: 9000, marks: true })
    ) {
        // Without objects there are no groups, which tell videos from images.
        made.videos.retain(|video| video.length > 1 && !video.tracks.is_empty());
        prop_assume!(!made.videos.is_empty());
        let folder = tempdir().unwrap();
        let (back, _) = there_and_back(&made, Format::Labelme, folder.path());
        // Only that something is hidden has a mark.
        let hidden = |dataset: &Dataset| {
            let mut videos = plain(dataset);
            for track in videos.values_mut().flat_map(|tracks| tracks.values_mut()) {
                track.3 = track.3.iter().map(|hidden| hidden.filter(|hidden| *hidden)).collect();
                if track.3.iter().all(Option::is_none) {
                    track.3.clear();
                }
            }
            videos
        };
        prop_assert_eq!(hidden(&back), hidden(&made));
        prop_assert_eq!(frame_stems(&back), frame_stems(&made));
    }
}

fn frame(shapes: Value) -> Value {
    json!({"version": "5.0.1", "flags": {}, "imagePath": "..\\x\\00001.png", "imageData": null,
           "imageHeight": 10, "imageWidth": 12, "shapes": shapes})
}

#[test]
fn all_shapes_with_an_area_are_read() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("00001.json");
    // A PNG of 2x3 pixels, one bit each: made here so that nothing of others is needed.
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 3, 2);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder.write_header().unwrap().write_image_data(&[0b1010_0000, 0b0100_0000]).unwrap();
    let mask = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &bytes);
    let shapes = json!([
        {"label": "cat", "points": [[4, 5], [6, 6]], "shape_type": "mask", "mask": mask, "group_id": null},
        {"label": "cat", "points": [[1, 1], [5, 4]], "shape_type": "rectangle"},
        {"label": 7, "points": [[5, 5], [8, 5]], "shape_type": "circle", "flags": {"crowd": true}},
        {"label": "dog", "points": [[5, 5]], "shape_type": "point"}]);
    std::fs::write(&path, frame(shapes).to_string()).unwrap();
    let found = read(&path, Format::Labelme);
    let [video] = found.videos.as_slice() else { panic!("{found:?}") };
    assert_eq!((video.frame_name(0).as_ref(), video.tracks.len()), ("00001.png", 3));
    let shape =
        |index: usize| video.tracks[index].shapes.frames().next().flatten().unwrap().into_owned();
    let mask = shape(0).draw(video.size).unwrap().decode();
    assert!(mask.get(5, 4) && mask.get(5, 6) && mask.get(6, 5) && mask.area() == 3);
    assert!(shape(1).draw(video.size).is_none() && video.tracks[2].is_crowd);
    assert_eq!(found.category_name(video.tracks[2].category_id), "7");
}

#[test]
fn what_is_wrong_is_named() {
    let good = json!([{"label": "cat", "points": [[1, 1], [5, 1], [5, 4]], "shape_type": "polygon", "group_id": 1}]);
    let check = |change: &dyn Fn(&mut Value), expected: &[&str]| {
        let folder = tempdir().unwrap();
        let mut file = frame(good.clone());
        std::fs::write(folder.path().join("0.json"), file.to_string()).unwrap();
        change(&mut file);
        std::fs::write(folder.path().join("1.json"), file.to_string()).unwrap();
        let conversion = Conversion {
            from: Some(Format::Labelme),
            ..Conversion::new(folder.path(), Format::Ytvis, &folder.path().join("out.json"))
        };
        let said = convert(&conversion).unwrap_err().to_string();
        assert!(
            said.contains("1.json") && expected.iter().all(|part| said.contains(part)),
            "{said}"
        );
    };
    check(&|file| file["imageHeight"] = json!(11), &["the size of the first frame"]);
    check(&|file| file["imageWidth"] = json!(0), &["imageWidth"]);
    check(&|file| file["shapes"] = json!({}), &["shapes", "a list"]);
    check(&|file| file["shapes"][0]["points"] = json!([[1, 1]]), &["shapes[0]", "points"]);
    check(&|file| file["shapes"][0]["points"][0] = json!(["a", 1]), &["shapes[0]", "points"]);
    check(&|file| file["shapes"][0]["group_id"] = json!("x"), &["shapes[0]", "group_id"]);
    check(&|file| file["shapes"][0]["label"] = json!(null), &["shapes[0]", "label"]);
    check(
        &|file| {
            file["shapes"][0]["shape_type"] = json!("mask");
            file["shapes"][0]["mask"] = json!("????");
        },
        &["mask"],
    );
}
