//! YOLO there and back, without identity; boxes; what is wrong.

use std::collections::BTreeMap;

use proptest::prelude::*;
use seqformer_masks::{BitMask, ImageSize};
use tempfile::tempdir;

use crate::dataset::{Dataset, Shape};
use crate::testing::{Keeps, datasets, read, run, write_ytvis};
use crate::{Conversion, Format, ReadOptions, convert};

/// The classes and pixels on every frame, by the stem of its image.
fn frames(dataset: &Dataset) -> BTreeMap<String, Vec<(String, BitMask)>> {
    let mut found: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for video in &dataset.videos {
        for frame in 0..video.length {
            let name = video.frame_name(frame);
            let objects = found.entry(name.rsplit_once('.').unwrap().0.to_owned()).or_default();
            for track in &video.tracks {
                if let Some(mask) = track
                    .shapes
                    .frames()
                    .nth(frame)
                    .flatten()
                    .and_then(|shape| shape.draw(video.size))
                {
                    objects
                        .push((dataset.category_name(track.category_id).to_owned(), mask.decode()));
                }
            }
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn classes_and_every_pixel_come_back(made in datasets(Keeps { overlap: true, max_id: 9000, marks: false })) {
        let mut made = made;
        // One size for all, because there are no images that tell it.
        made.videos.truncate(1);
        let folder = tempdir().unwrap();
        let (first, there) = (folder.path().join("a.json"), folder.path().join("there"));
        write_ytvis(&made, &first);
        run(&first, Format::Ytvis, Format::Yolo, &there);
        let options = ReadOptions { size: Some(made.videos[0].size), images: None };
        let back = Format::Yolo.reader().read(&there, &options, &mut crate::Notes::default()).unwrap();
        prop_assert_eq!(frames(&back), frames(&made));
    }
}

#[test]
fn sizes_come_from_images_and_boxes_stay_boxes() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["labels/train", "images/train"] {
        std::fs::create_dir_all(at(name)).unwrap();
    }
    std::fs::write(at("labels/train/a.txt"), "1 0.5 0.5 0.5 0.25\n0 0 0 0.5 0 0.5 0.5\n").unwrap();
    let image = crate::label_image::LabelImage::new(ImageSize { height: 8, width: 16 });
    image.write(&at("images/train/a.png"), crate::label_image::Depth::Eight, true).unwrap();
    std::fs::write(at("data.yaml"), "names: [cat, dog]").unwrap();
    let other = tempdir().unwrap();
    let output = other.path().join("out.json");
    let conversion = Conversion::new(folder.path(), Format::Coco, &output);
    let done = convert(&conversion).unwrap();
    assert_eq!((done.from, done.num_tracks), (Format::Yolo, 2));
    let back = read(&output, Format::Coco);
    let video = &back.videos[0];
    assert_eq!((video.frame_name(0).as_ref(), video.size.width), ("train/a.png", 16));
    let bounds = video.tracks[0].shapes.frames().next().flatten().unwrap().bounding_box();
    assert_eq!([bounds.x, bounds.y, bounds.width, bounds.height], [4.0, 3.0, 8.0, 2.0]);
    assert_eq!(back.category_name(video.tracks[0].category_id), "dog");
    assert!(matches!(
        video.tracks[1].shapes.frames().next().flatten().unwrap().as_ref(),
        Shape::Polygons(_)
    ));

    let check = |line: &str, expected: &str| {
        std::fs::write(at("labels/train/b.txt"), format!("0 0 0 1 0 1 1\n{line}\n")).unwrap();
        let conversion = Conversion { overwrite: true, ..conversion.clone() };
        let said = convert(&conversion).unwrap_err().to_string();
        assert!(said.contains("b.txt") && said.contains(expected), "{line}: {said}");
    };
    check("0 0 0", "--images");
    image.write(&at("images/train/b.png"), crate::label_image::Depth::Eight, true).unwrap();
    check("0 0 0", "line 2: expected a box");
    check("cat 0 0 1 0 1 1", "class");
    check("0 0 0 20 0 1 1", "numbers from 0 to 1");
    check("0 0 0 1 0 1 1 0.5", "7 numbers");
    check("0 0 0 1 0 nan 1", "numbers from 0 to 1");
}
