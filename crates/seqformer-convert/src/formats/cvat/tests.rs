//! CVAT there and back; key frames, boxes, masks; what is wrong.

use std::path::Path;

use proptest::prelude::*;
use tempfile::tempdir;

use crate::dataset::{Dataset, Shape};
use crate::testing::{Keeps, datasets, plain, read, there_and_back};
use crate::{Conversion, Format, ReadOptions, convert};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn numbers_classes_and_every_pixel_come_back(
        made in datasets(Keeps { overlap: true, max_id: 9000, marks: false })
    ) {
        // Single images have no tracks, and so no numbers.
        prop_assume!(!made.has_images_only());
        let folder = tempdir().unwrap();
        let (back, _) = there_and_back(&made, Format::Cvat, folder.path());
        let without_marks = |dataset: &Dataset| {
            let mut videos = plain(dataset);
            videos.values_mut().flat_map(|tracks| tracks.values_mut()).for_each(|track| track.3.clear());
            videos
        };
        prop_assert_eq!(without_marks(&back), without_marks(&made));
        let names = |dataset: &Dataset| dataset.categories.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
        prop_assert_eq!(names(&back), names(&made));
    }
}

const TASK: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version>
<meta><task><name>crossing &amp; caf&#233;</name><size>4</size><start_frame>10</start_frame><stop_frame>19</stop_frame>
<frame_filter>step=3</frame_filter><labels><label><name>bike</name><attributes/></label><label><name>car</name></label></labels>
<original_size><width>12</width><height>10</height></original_size></task></meta>
<track id="0" label="car">
  <polygon frame="10" outside="0" occluded="1" keyframe="1" points="0,0;4,0;4,4;0,4"/>
  <polygon frame="16" outside="0" occluded="0" keyframe="1" points="4,2;8,2;8,6;4,6"/>
</track>
<track id="3" label="van"><box frame="13" outside="0" occluded="0" keyframe="1" xtl="1" ytl="1" xbr="3" ybr="4"/>
  <box frame="16" outside="1" occluded="0" keyframe="1" xtl="1" ytl="1" xbr="3" ybr="4"/></track>
<track id="4" label="bike"><mask frame="19" outside="0" occluded="0" keyframe="1" left="2" top="1" width="3" height="2" rle="1, 2, 1, 2"/></track>
<track id="5" label="bike"><points frame="10" outside="0" occluded="0" points="1,1"/></track>
</annotations>"#;

fn write(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("annotations.xml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn tracks_move_between_key_frames_and_stay_until_they_are_outside() {
    let (folder, path) = write(TASK);
    let found = read(&path, Format::Cvat);
    let [video] = found.videos.as_slice() else { panic!("{found:?}") };
    assert_eq!((video.name.as_str(), video.length, video.size.width), ("crossing & café", 4, 12));
    assert_eq!(video.frame_name(1), "crossing & café/frame_000013.PNG");
    let names: Vec<_> = video
        .tracks
        .iter()
        .map(|track| (track.id, found.category_name(track.category_id)))
        .collect();
    assert_eq!(names, [(0, "car"), (3, "van"), (4, "bike")]);
    let boxes: Vec<Option<[f64; 4]>> = video.tracks[0]
        .shapes
        .frames()
        .map(|shape| shape.map(|shape| shape.bounding_box()).map(|b| [b.x, b.y, b.width, b.height]))
        .collect();
    let expected =
        [[0.0, 0.0, 4.0, 4.0], [2.0, 1.0, 4.0, 4.0], [4.0, 2.0, 4.0, 4.0], [4.0, 2.0, 4.0, 4.0]];
    assert_eq!(boxes, expected.map(Some));
    let seen = |index: usize| {
        video.tracks[index].shapes.frames().map(|shape| shape.is_some()).collect::<Vec<_>>()
    };
    assert_eq!(seen(1), [false, true, false, false]);
    assert_eq!(seen(2), [false, false, false, true]);
    let mask = video.tracks[2].shapes.frames().nth(3).flatten().unwrap().into_owned();
    let Shape::Mask(mask) = mask else { panic!("{mask:?}") };
    let mask = mask.decode();
    let set = |y| (0..12).filter(|&x| mask.get(y, x)).collect::<Vec<_>>();
    assert_eq!((set(1), set(2), mask.area()), (vec![3, 4], vec![3, 4], 4));
    assert!(video.tracks[0].occlusion[0].unwrap().is_occluded());

    let output = folder.path().join("out.json");
    let done = convert(&Conversion::new(&path, Format::Ytvis, &output)).unwrap();
    let notes: Vec<String> = done.notes.lines().collect();
    for start in [
        "1 lines, points",
        "1 shapes lie between two key frames",
        "1 boxes without a mask",
        "COCO's tools never match",
    ] {
        assert!(notes.iter().any(|note| note.starts_with(start)), "{start}: {notes:?}");
    }
    assert_eq!(done.from, Format::Cvat);
}

#[test]
fn images_stand_alone() {
    let text = r#"<annotations><meta><task><labels><label><name>a</name></label></labels></task></meta>
        <image id="0" name="x/img0.jpg" width="8" height="8">
          <polygon label="a" points="1,1;5,1;5,5;1,5" occluded="1"/><box label="b" xtl="0" ytl="2" xbr="4" ybr="4" rotation="90"/>
          <ellipse label="a" cx="4" cy="4" rx="2" ry="2"/><polyline label="a" points="1,1;2,2"/></image>
        <image id="1" name="x/img1.jpg" width="6" height="4"/></annotations>"#;
    let (folder, path) = write(text);
    let found = read(&path, Format::Cvat);
    let sizes: Vec<_> = found
        .videos
        .iter()
        .map(|video| (video.name.as_str(), video.size.width, video.tracks.len()))
        .collect();
    assert_eq!(sizes, [("x/img0", 8, 3), ("x/img1", 6, 0)]);
    let there = folder.path().join("there");
    crate::testing::run(&path, Format::Cvat, Format::Cvat, &there);
    // CVAT always says whether an object is occluded.
    let without_marks = |dataset: &Dataset| {
        let mut videos = plain(dataset);
        videos
            .values_mut()
            .flat_map(|tracks| tracks.values_mut())
            .for_each(|track| track.3.retain(|hidden| *hidden == Some(true)));
        videos
    };
    assert_eq!(without_marks(&read(&there, Format::Cvat)), without_marks(&found));
}

#[test]
fn what_is_wrong_is_named() {
    let check = |from: &str, to: &str, expected: &[&str]| {
        let text = TASK.replace(from, to);
        assert_ne!(text, TASK, "{from}");
        let (folder, path) = write(&text);
        let output = folder.path().join("out.json");
        let said =
            convert(&Conversion::new(&path, Format::Ytvis, &output)).unwrap_err().to_string();
        assert!(expected.iter().all(|part| said.contains(part)), "{said}");
        assert!(!output.exists());
    };
    check("4,6\"/>", "4;6\"/>", &["track 0: polygon on frame 16", "points"]);
    check("4,0;4,4;0,4", "NaN,0;4,4;0,4", &["track 0", "points"]);
    check("frame=\"16\" outside=\"0\"", "frame=\"10\" outside=\"0\"", &["track 0", "occurs once"]);
    check("frame=\"19\"", "frame=\"18\"", &["track 4", "frame 10 and every 3 frames"]);
    check("rle=\"1, 2, 1, 2\"", "rle=\"1, 2, 1\"", &["track 4", "a sum of 6"]);
    check("<width>12</width>", "", &["original_size", "--size"]);
    check("xbr=\"3\" ybr=\"4\"/>\n", "xbr=\"0\" ybr=\"4\"/>\n", &["track 3", "xbr"]);
    check("&#233;", "&boom;", &["&boom;"]);
    check("</annotations>", "", &["cut off"]);
    for text in ["", "{\"videos\": []}", "no XML"] {
        let (folder, path) = write(text);
        let output = folder.path().join("out.json");
        let from = Some(Format::Cvat);
        let conversion = Conversion { from, ..Conversion::new(&path, Format::Ytvis, &output) };
        let said = convert(&conversion).unwrap_err().to_string();
        assert!(said.contains("no XML element") && !output.exists(), "{text:?}: {said}");
    }
    check("<size>4</size>", "<size>4000000000</size>", &["size"]);
    check("<track id=\"0\"", "<track id=\"x\"", &["track", "id"]);
}

#[test]
fn names_lead_from_the_folder_of_the_images() {
    let (folder, path) = write(TASK);
    let [flat, nested] = ["flat", "nested"].map(|name| folder.path().join(name));
    let name = read(&path, Format::Cvat).videos[0].name.clone();
    std::fs::create_dir_all(&flat).unwrap();
    std::fs::create_dir_all(nested.join(&name)).unwrap();
    std::fs::write(flat.join("frame_000013.jpg"), "").unwrap();
    std::fs::write(nested.join(&name).join("frame_000013.png"), "").unwrap();
    let names = |images: &Path| {
        let options = ReadOptions { images: Some(images.to_path_buf()), ..ReadOptions::default() };
        let read = crate::read(&path, Some(Format::Cvat), &options).unwrap();
        read.dataset.videos[0].file_names.clone().unwrap()
    };
    assert_eq!(names(&flat)[..2], ["frame_000010.PNG", "frame_000013.jpg"]);
    let own = |file: &str| format!("{name}/{file}");
    assert_eq!(names(&nested)[..2], [own("frame_000010.PNG"), own("frame_000013.png")]);
}
