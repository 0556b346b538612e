//! CocoVID there and back; TAO's names; what does not fit.

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::testing::{Keeps, datasets, frame_stems, plain, read, there_and_back};
use crate::{Conversion, Format, convert};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn ids_classes_marks_and_every_pixel_come_back(
        mut made in datasets(Keeps { overlap: true, max_id: 9000, marks: true })
    ) {
        // A video without objects is there all the same; two words for hidden are one here.
        for track in made.videos.iter_mut().flat_map(|video| &mut video.tracks) {
            if track.occlusion.iter().all(Option::is_none) {
                track.occlusion.clear();
            }
        }
        let folder = tempdir().unwrap();
        let (back, notes) = there_and_back(&made, Format::Cocovid, folder.path());
        prop_assert!(notes.iter().all(|note| note.contains("ignore")), "{notes:?}");
        prop_assert_eq!(plain(&back), plain(&made));
        prop_assert_eq!(frame_stems(&back), frame_stems(&made));
        prop_assert_eq!(back.categories, made.categories);
    }
}

fn two_frames() -> Value {
    json!({
        "videos": [{"id": 1, "name": "train/street"}],
        "images": [{"id": 2, "video_id": 1, "frame_index": 60, "file_name": "train/street/60.jpg", "height": 4, "width": 6},
                   {"id": 1, "video_id": 1, "frame_index": 30, "file_name": "train/street/30.jpg", "height": 4, "width": 6}],
        "categories": [{"id": 7, "name": "car"}],
        "annotations": [
            {"id": 1, "image_id": 2, "category_id": 7, "track_id": 5, "bbox": [0, 0, 2, 2],
             "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]},
            {"id": 2, "image_id": 1, "category_id": 7, "track_id": 5, "bbox": [0, 0, 1, 1],
             "segmentation": [[0, 0, 1, 0, 1, 1, 0, 1]]},
            {"id": 3, "image_id": 1, "category_id": 7, "bbox": [3, 0, 1, 1]}]
    })
}

#[test]
fn frames_are_in_order_and_objects_without_a_number_stand_alone() {
    let folder = tempdir().unwrap();
    let [input, output] = ["in.json", "out.json"].map(|name| folder.path().join(name));
    std::fs::write(&input, two_frames().to_string()).unwrap();
    let mut conversion = Conversion::new(&input, Format::Ytvis, &output);
    conversion.boxes_as_masks = true;
    let done = convert(&conversion).unwrap();
    assert_eq!((done.from, done.num_videos, done.num_tracks), (Format::Cocovid, 1, 2));
    let notes: Vec<String> = done.notes.lines().collect();
    assert!(
        notes.iter().any(|note| note.starts_with("1 objects have no instance_id")),
        "{notes:?}"
    );
    let back = read(&output, Format::Ytvis);
    let [video] = back.videos.as_slice() else { panic!("{back:?}") };
    assert_eq!(video.name, "train/street");
    assert_eq!(video.frame_name(0), "train/street/30.jpg");
    let areas: Vec<_> = video.tracks[0]
        .shapes
        .frames()
        .map(|shape| Some(shape?.draw(video.size)?.area()))
        .collect();
    assert_eq!((video.tracks[0].id, video.tracks[1].id, areas), (5, 6, vec![Some(1), Some(4)]));
}

#[test]
fn what_does_not_fit_is_named() {
    let check = |change: &dyn Fn(&mut Value), expected: &[&str]| {
        let folder = tempdir().unwrap();
        let [input, output] = ["in.json", "out.json"].map(|name| folder.path().join(name));
        let mut file = two_frames();
        change(&mut file);
        std::fs::write(&input, file.to_string()).unwrap();
        let conversion = Conversion {
            from: Some(Format::Cocovid),
            ..Conversion::new(&input, Format::Ytvis, &output)
        };
        let said = convert(&conversion).unwrap_err().to_string();
        assert!(expected.iter().all(|part| said.contains(part)), "{said}");
    };
    check(
        &|file| file["images"][0]["frame_index"] = json!(30),
        &["images[1] (id 1)", "frame_id", "images[0] (id 2)"],
    );
    check(&|file| file["images"][0]["height"] = json!(5), &["images[0] (id 2)", "one size"]);
    check(
        &|file| file["images"][0]["video_id"] = json!(null),
        &["images[0] (id 2)", "--from coco"],
    );
}

#[test]
fn classes_that_are_complete_survive_in_every_format_that_can_say_it() {
    let folder = tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut file = two_frames();
    file["categories"] =
        json!([{"id": 7, "name": "car"}, {"id": 3, "name": "dog"}, {"id": 4, "name": "cat"}]);
    // By LVIS's lists, the video of TAO is complete in what it has and in what is verified to be absent.
    file["tracks"] = json!([]);
    file["videos"][0]["neg_category_ids"] = json!([3, 99]);
    std::fs::write(path("tao.json"), file.to_string()).unwrap();
    let complete = |file: &str, format| {
        let videos = read(&path(file), format).videos;
        videos.into_iter().map(|video| video.exhaustive).collect::<Vec<_>>()
    };
    let [cocovid, ytvis, coco] = [Format::Cocovid, Format::Ytvis, Format::Coco];
    crate::testing::run(&path("tao.json"), cocovid, ytvis, &path("ytvis.json"));
    crate::testing::run(&path("ytvis.json"), ytvis, cocovid, &path("cocovid.json"));
    crate::testing::run(&path("cocovid.json"), cocovid, coco, &path("coco.json"));
    let expected = Some(vec![3, 7]);
    assert_eq!(complete("ytvis.json", ytvis), std::slice::from_ref(&expected));
    assert_eq!(complete("cocovid.json", cocovid), std::slice::from_ref(&expected));
    assert_eq!(complete("coco.json", coco), [expected.clone(), expected]);
    let done = crate::testing::run(&path("ytvis.json"), ytvis, Format::Davis, &path("davis"));
    let notes: Vec<String> = done.notes.lines().collect();
    assert!(notes.iter().any(|note| note.contains("not completely annotated")), "{notes:?}");
    // Frames that are complete in different classes make a video that is complete in what they share.
    let mut file = two_frames();
    file["categories"] =
        json!([{"id": 7, "name": "car"}, {"id": 3, "name": "dog"}, {"id": 4, "name": "cat"}]);
    file["images"][0]["exhaustive_category_ids"] = json!([7, 3]);
    file["images"][1]["exhaustive_category_ids"] = json!([4, 7]);
    std::fs::write(path("frames.json"), file.to_string()).unwrap();
    assert_eq!(complete("frames.json", cocovid), [Some(vec![7])]);
}
