//! DAVIS there and back, and its two editions.

use proptest::prelude::*;
use seqformer_masks::ImageSize;
use tempfile::tempdir;

use crate::label_image::{Depth, LabelImage};
use crate::testing::{Keeps, datasets, frame_stems, plain, read, run, there_and_back};
use crate::{Conversion, Format, convert};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn numbers_and_every_pixel_come_back(
        made in datasets(Keeps { overlap: false, max_id: 254, marks: false })
    ) {
        let folder = tempdir().unwrap();
        let (back, notes) = there_and_back(&made, Format::Davis, folder.path());
        prop_assert_eq!(notes, ["DAVIS has no classes: which of the 3 classes an object has is lost"]);
        let without_class = |dataset: &crate::Dataset| {
            let mut videos = plain(dataset);
            videos.values_mut().flat_map(|tracks| tracks.values_mut()).for_each(|track| track.0.clear());
            videos
        };
        prop_assert_eq!(without_class(&back), without_class(&made));
        prop_assert_eq!(frame_stems(&back), frame_stems(&made));
    }
}

fn write(path: &std::path::Path, values: [u32; 4]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let image = LabelImage { size: ImageSize { height: 2, width: 2 }, values: values.to_vec() };
    image.write(path, Depth::Eight, false).unwrap();
}

#[test]
fn void_is_ignored_and_the_edition_of_2016_has_one_object() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for frame in 0..2 {
        write(&at(&format!("Annotations/480p/many/{frame:05}.png")), [0, 1, 7, 255]);
        write(&at(&format!("Annotations/480p/one/{frame:05}.png")), [0, 255, 255, 0]);
    }
    let frames = at("JPEGImages/480p/many");
    std::fs::create_dir_all(&frames).unwrap();
    std::fs::write(frames.join("00001.png"), "").unwrap();
    let found = read(folder.path(), Format::Davis);
    let [many, one] = found.videos.as_slice() else { panic!("{found:?}") };
    let ids: Vec<_> = many.tracks.iter().map(|track| (track.id, track.is_ignored)).collect();
    assert_eq!(ids, [(1, false), (7, false), (255, true)]);
    assert_eq!(
        (many.frame_name(0), many.frame_name(1)),
        ("many/00000.jpg".into(), "many/00001.png".into())
    );
    assert_eq!((one.tracks[0].id, one.tracks[0].is_ignored), (1, false));

    let output = at("binary");
    let done = run(folder.path(), Format::Davis, Format::Davis2016, &output);
    let notes: Vec<String> = done.notes.lines().collect();
    assert!(
        notes.iter().any(|note| note.starts_with("1 videos have several objects")),
        "{notes:?}"
    );
    let image = LabelImage::read(&output.join("Annotations/many/00000.png"), Depth::Eight).unwrap();
    assert_eq!(image.values, [0, 255, 255, 0]);
    // Void is void again.
    let again = at("again");
    run(folder.path(), Format::Davis, Format::Davis, &again);
    let image = LabelImage::read(&again.join("Annotations/many/00000.png"), Depth::Eight).unwrap();
    assert_eq!(image.values, [0, 1, 7, 255]);
}

#[test]
fn sizes_that_differ_overlap_and_full_folders_are_told() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("a/street/00000.png"), [0, 1, 1, 2]);
    let output = at("out.json");
    let image = LabelImage::new(ImageSize { height: 3, width: 2 });
    image.write(&at("a/street/00001.png"), Depth::Eight, false).unwrap();
    let said = convert(&Conversion::new(&at("a"), Format::Ytvis, &output)).unwrap_err().to_string();
    assert!(said.contains("00001.png") && said.contains("the size of the first frame"), "{said}");
    assert!(!output.exists());

    let vis = at("vis.json");
    let file = serde_json::json!({
        "videos": [{"id": 1, "file_names": ["s/1.jpg", "s/1.png"], "height": 1, "width": 4, "length": 2},
                   {"id": 2, "file_names": ["../s/0.jpg"], "height": 1, "width": 4, "length": 1}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"id": 300, "video_id": 1, "category_id": 1, "segmentations": [{"size": [1, 4], "counts": [0, 2, 2]}, null]},
            {"id": 301, "video_id": 1, "category_id": 1, "segmentations": [{"size": [1, 4], "counts": [0, 4]}, null]}]
    });
    std::fs::write(&vis, file.to_string()).unwrap();
    let said = convert(&Conversion::new(&vis, Format::Davis, &at("out"))).unwrap_err().to_string();
    assert!(said.contains("video 2") && said.contains(".."), "{said}");
    assert!(!at("out").exists() && !at("s").exists());

    let mut inside = file;
    inside["videos"][1]["file_names"] = serde_json::json!(["t/0.jpg"]);
    std::fs::write(&vis, inside.to_string()).unwrap();
    let done = convert(&Conversion::new(&vis, Format::Davis, &at("out"))).unwrap();
    let notes: Vec<String> = done.notes.lines().collect();
    for start in [
        "1 masks overlap",
        "1 videos have objects whose numbers",
        "1 videos have frames of the same name",
    ] {
        assert!(notes.iter().any(|note| note.starts_with(start)), "{start}: {notes:?}");
    }
    let image = LabelImage::read(&at("out/Annotations/s/00000.png"), Depth::Eight).unwrap();
    assert_eq!(image.values, [1, 1, 2, 2], "the smaller one is on top");
    let said = convert(&Conversion::new(&vis, Format::Davis, &at("out"))).unwrap_err().to_string();
    assert!(said.contains("new or empty folder"), "{said}");
}
