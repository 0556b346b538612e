//! COCO: images of their own, boxes, polygons, sizes from pictures.

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::testing::read;
use crate::{Conversion, Format, Shape, convert};

fn image_file() -> Value {
    json!({
        "images": [{"id": 9, "file_name": "street/9.jpg", "height": 8, "width": 6},
                   {"id": 11, "file_name": "street/11.jpg", "height": 4, "width": 6}],
        "categories": [{"id": 18, "name": "dog"}],
        "annotations": [
            {"id": 41, "image_id": 9, "category_id": 18, "bbox": [0, 0, 3, 3], "iscrowd": 0,
             "segmentation": [[0, 0, 3, 0, 3, 3, 0, 3], [4, 4, 6, 4, 6, 6, 4, 6]], "ignore": 1},
            {"id": 42, "image_id": 11, "category_id": 18, "bbox": [1, 1, 2, 3]}]
    })
}

#[test]
fn ids_polygons_and_boxes_stay_what_they_are() {
    let folder = tempdir().unwrap();
    let [input, output, third] =
        ["in.json", "out.json", "vis.json"].map(|name| folder.path().join(name));
    std::fs::write(&input, image_file().to_string()).unwrap();
    let done = convert(&Conversion::new(&input, Format::Coco, &output)).unwrap();
    assert!(done.notes.is_empty() && done.from == Format::Coco, "{:?}", done.notes);
    let written: Value = serde_json::from_slice(&std::fs::read(&output).unwrap()).unwrap();
    let first = image_file();
    assert_eq!(written["images"], first["images"]);
    let polygons = &written["annotations"][0]["segmentation"];
    assert_eq!(polygons[1], json!([4.0, 4.0, 6.0, 4.0, 6.0, 6.0, 4.0, 6.0]));
    assert_eq!(written["annotations"][0]["area"], json!(9 + 4));
    assert_eq!(
        (&written["annotations"][0]["ignore"], &written["annotations"][1]["id"]),
        (&json!(1), &json!(42))
    );

    let mut to_videos = Conversion::new(&input, Format::Ytvis, &third);
    let notes: Vec<String> = convert(&to_videos).unwrap().notes.lines().collect();
    assert!(
        notes.iter().any(|note| note.starts_with("1 boxes without a mask are left out")),
        "{notes:?}"
    );
    let videos = read(&third, Format::Ytvis);
    assert_eq!((videos.videos.len(), videos.num_tracks()), (2, 1));
    to_videos.boxes_as_masks = true;
    to_videos.overwrite = true;
    convert(&to_videos).unwrap();
    let track = &read(&third, Format::Ytvis).videos[1].tracks[0];
    let Some(Some(shape)) =
        track.shapes.frames().next().map(|shape| shape.map(std::borrow::Cow::into_owned))
    else {
        panic!()
    };
    assert!(matches!(&shape, Shape::Mask(mask) if mask.area() == 6), "{shape:?}");
}

#[test]
fn sizes_come_from_pictures_or_from_the_user() {
    let folder = tempdir().unwrap();
    let [input, output] = ["in.json", "out.json"].map(|name| folder.path().join(name));
    let mut file = image_file();
    for image in file["images"].as_array_mut().unwrap() {
        image.as_object_mut().unwrap().retain(|key, _| key != "height" && key != "width");
    }
    std::fs::write(&input, file.to_string()).unwrap();
    let mut conversion = Conversion::new(&input, Format::Coco, &output);
    let said = convert(&conversion).unwrap_err().to_string();
    assert!(said.contains("images[0] (id 9)") && said.contains("--size"), "{said}");
    conversion.options.size = Some(seqformer_masks::ImageSize { height: 8, width: 7 });
    convert(&conversion).unwrap();
    assert_eq!(read(&output, Format::Coco).videos[0].size.width, 7);
}
