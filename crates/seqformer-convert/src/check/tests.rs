//! A file with two faults of each of many kinds, a clean one, and the mend.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use seqformer_masks::ImageSize;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use super::{Checkup, Kind, Report, Severity, check};
use crate::label_image::{Depth, LabelImage};

const SIZE: ImageSize = ImageSize { height: 8, width: 12 };

/// A rectangle of `2 x width` pixels at the top left corner, as run lengths by column.
fn mask(width: u32) -> Value {
    let mut counts = vec![0];
    for _ in 0..width {
        counts.extend([2, 6]);
    }
    *counts.last_mut().unwrap() += 8 * (12 - width);
    json!({"size": [8, 12], "counts": counts})
}

/// Video `id` has two frames; so has each of its objects, of widths that differ.
fn annotation(id: i64, video: i64) -> Value {
    let widths = [1 + (id % 5) as u32, 1 + (id / 5) as u32 % 11];
    json!({
        "id": id, "video_id": video, "category_id": 1, "iscrowd": 0,
        "segmentations": widths.map(mask),
        "bboxes": widths.map(|width| json!([0, 0, width, 2])),
        "areas": widths.map(|width| 2 * width),
    })
}

fn video(id: i64) -> Value {
    json!({"id": id, "height": 8, "width": 12, "length": 2,
           "file_names": [format!("v{id}/0.png"), format!("v{id}/1.png")]})
}

/// A dataset without a fault: 40 videos with an object each, and images for the first eight.
fn clean() -> Value {
    let videos: Vec<Value> = (1..=40).map(video).collect();
    let annotations: Vec<Value> = (1..=40).map(|id| annotation(id, id)).collect();
    let names = ["person", "car", "dog", "cat", "猫"];
    let categories: Vec<Value> =
        (1..).zip(names).map(|(id, name)| json!({"id": id, "name": name})).collect();
    json!({"info": {"year": 2026}, "videos": videos, "categories": categories, "annotations": annotations})
}

fn write_image(path: &Path, size: ImageSize) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    LabelImage::new(size).write(path, Depth::Eight, true).unwrap();
}

/// Writes a file and the images that it names.
fn write(file: &Value) -> (TempDir, PathBuf, PathBuf) {
    let folder = tempdir().unwrap();
    let (path, images) = (folder.path().join("train.json"), folder.path().join("images"));
    std::fs::write(&path, file.to_string()).unwrap();
    for id in 1..=40 {
        for frame in 0..2 {
            write_image(&images.join(format!("v{id}/{frame}.png")), SIZE);
        }
    }
    (folder, path, images)
}

fn examine(file: &Path, images: Option<&Path>) -> Report {
    let checkup =
        Checkup { file: file.to_path_buf(), images: images.map(Path::to_path_buf), fix: None };
    check(&checkup, &|_done, _total| {}).unwrap()
}

fn counts(report: &Report) -> BTreeMap<Kind, usize> {
    let mut counts = BTreeMap::new();
    report.problems.iter().for_each(|problem| *counts.entry(problem.kind).or_default() += 1);
    counts
}

#[test]
fn a_clean_file_has_no_fault() {
    let (_folder, path, images) = write(&clean());
    let report = examine(&path, Some(&images));
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!((report.num_records, report.num_annotations, report.num_frames), (40, 40, 80));
}

/// Plants two faults of each kind, at entries of their own.
fn plant(file: &mut Value) {
    let nan = || json!("NaN-here");
    for (twice, at) in [(0, 0), (1, 20)] {
        let annotation = |index: usize| at + index;
        let a = &mut file["annotations"];
        a[annotation(0)]["video_id"] = json!(900 + at);
        a[annotation(1)]["category_id"] = json!(70 + at);
        a[annotation(2)]["segmentations"].as_array_mut().unwrap().truncate(1);
        a[annotation(3)]["segmentations"][1]["counts"] = json!([1, 2, 3]);
        a[annotation(4)]["segmentations"][0]["size"] = json!([12, 8]);
        a[annotation(5)]["segmentations"][0] = json!({"size": [8, 12], "counts": [96]});
        a[annotation(5)]["bboxes"][0] = json!([0, 0, 0, 0]);
        a[annotation(5)]["areas"][0] = json!(0);
        a[annotation(6)]["segmentations"] = json!([null, null]);
        a[annotation(7)]["segmentations"][0] = json!([[1, 1, 5, 1, 5, 5, 1, 5], [1, 1, 2, 2]]);
        a[annotation(7)]["bboxes"][0] = json!([1, 1, 4, 4]);
        a[annotation(7)]["areas"][0] = json!(16);
        a[annotation(8)]["segmentations"][0] = json!([[4, 1, 30, 1, 30, 5, 4, 5]]);
        a[annotation(8)]["bboxes"][0] = json!([4, 1, 8, 4]);
        a[annotation(8)]["areas"][0] = json!(32);
        a[annotation(9)]["bboxes"][1] = json!([3, 3, 7, 2]);
        a[annotation(10)]["areas"][1] = json!(77);
        a[annotation(11)]["bboxes"][0] = json!([0, 0, nan(), 2]);
        let same = a[annotation(12)].clone();
        a[annotation(13)]["segmentations"] = same["segmentations"].clone();
        a[annotation(13)]["bboxes"] = same["bboxes"].clone();
        a[annotation(13)]["areas"] = same["areas"].clone();
        a[annotation(13)]["video_id"] = same["video_id"].clone();
        a[annotation(14)]["iscrowd"] = json!("no");
        a[annotation(15)]["id"] = json!(1 + twice);
        let v = &mut file["videos"];
        v[annotation(16)]["length"] = json!(3);
        let longer = &mut file["annotations"][annotation(16)];
        longer["segmentations"].as_array_mut().unwrap().push(mask(1));
        longer["bboxes"].as_array_mut().unwrap().push(json!([0, 0, 1, 2]));
        longer["areas"].as_array_mut().unwrap().push(json!(2));
        let v = &mut file["videos"];
        v[annotation(17)]["file_names"][1] = v[annotation(17)]["file_names"][0].clone();
    }
    file["categories"][3]["name"] = json!("dog");
    file["categories"][4]["name"] = json!("person");
    file["annotations"][38]["id"] = json!(0);
}

#[test]
fn every_planted_fault_is_found_and_none_is_invented() {
    let mut file = clean();
    plant(&mut file);
    let (_folder, path, images) = write(&file);
    // Python writes numbers that are no JSON.
    let text = file.to_string().replace("\"NaN-here\"", "NaN");
    std::fs::write(&path, text).unwrap();
    for frame in ["v1/0.png", "v2/1.png"] {
        std::fs::remove_file(images.join(frame)).unwrap();
    }
    for frame in ["v3/0.png", "v4/1.png"] {
        let bytes = std::fs::read(images.join(frame)).unwrap();
        std::fs::write(images.join(frame), &bytes[..40]).unwrap();
    }
    for frame in ["v5/0.png", "v6/1.png"] {
        write_image(&images.join(frame), ImageSize { height: 12, width: 8 });
    }
    let report = examine(&path, Some(&images));
    let two = |kind| (kind, 2);
    let mut expected: BTreeMap<Kind, usize> = [
        Kind::UnknownRecord,
        Kind::UnknownCategory,
        Kind::TrackLength,
        Kind::BrokenMask,
        Kind::MaskSize,
        Kind::EmptyMask,
        Kind::NoMask,
        Kind::ShortPolygon,
        Kind::PolygonOutside,
        Kind::BoxMismatch,
        Kind::AreaMismatch,
        Kind::NotFinite,
        Kind::SameObject,
        Kind::WrongField,
        Kind::DuplicateId,
        Kind::LengthMismatch,
        Kind::FrameTwice,
        Kind::CategoryName,
        Kind::MissingFrame,
        Kind::BrokenFrame,
        Kind::FrameSize,
    ]
    .into_iter()
    .map(two)
    .collect();
    expected.insert(Kind::IdZero, 1);
    assert_eq!(counts(&report), expected, "{:#?}", report.problems);
    let said: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    let line = |parts: &[&str]| {
        assert!(
            said.iter().any(|line| parts.iter().all(|part| line.contains(part))),
            "{parts:?}: {said:#?}"
        );
    };
    line(&["annotations[4] (id 5, video 5)", "frame 0", "error", "written as [width, height]?"]);
    line(&["v2/1.png", "videos[1] (id 2)", "frame 1", "error", "No such file"]);
    line(&[
        "annotations[9] (id 10, video 10)",
        "frame 1",
        "warning",
        "[3, 3, 7, 2]",
        "take the box of the mask",
    ]);
    line(&["videos[17] (id 18)", "file_names[1]", "as frame 0 is"]);
    assert!(report.problems.iter().any(|problem| problem.severity == Severity::Error));
}

#[test]
fn what_needs_no_guess_is_mended_and_all_else_stays() {
    let mut file = clean();
    for at in [0, 20] {
        let a = &mut file["annotations"];
        a[at]["segmentations"][0] = json!({"size": [8, 12], "counts": [96]});
        a[at + 1]["bboxes"][1] = json!([3, 3, 7, 2]);
        a[at + 2]["areas"][1] = json!("NaN-here");
        a[at + 3]["id"] = json!(9);
        a[at + 4]["segmentations"].as_array_mut().unwrap().push(Value::Null);
        a[at + 5]["segmentations"][0] = json!([[1, 1, 5, 1, 5, 5, 1, 5], [1, 1, 2, 2]]);
        a[at + 5]["bboxes"][0] = json!([1, 1, 4, 4]);
        a[at + 5]["areas"][0] = json!(16);
        a[at + 6]["bboxes"].as_array_mut().unwrap().truncate(1);
        a[at + 7]["areas"].as_array_mut().unwrap().push(json!(5));
    }
    file["annotations"][30]["id"] = json!(0);
    file["annotations"][31]["video_id"] = json!(77);
    file["videos"][35].as_object_mut().unwrap().retain(|key, _| key != "height" && key != "width");
    let (folder, path, images) = write(&file);
    let text = file.to_string().replace("\"NaN-here\"", "NaN");
    std::fs::write(&path, text).unwrap();
    let output = folder.path().join("mended.json");
    let checkup = Checkup { file: path, images: Some(images.clone()), fix: Some(output.clone()) };
    let before = check(&checkup, &|_, _| {}).unwrap();
    let fixable = before.problems.iter().filter(|problem| problem.fixable).count();
    assert_eq!(fixable, 2 * 8 + 1 + 1, "{:#?}", before.problems);
    assert_eq!(before.num_fixed, fixable);
    let after = examine(&output, Some(&images));
    assert_eq!(counts(&after), [(Kind::UnknownRecord, 1)].into(), "{:#?}", after.problems);
    let mended: Value = serde_json::from_slice(&std::fs::read(&output).unwrap()).unwrap();
    let untouched = clean();
    for whole in [6, 7, 10, 26, 27] {
        assert_eq!(
            numbers(&mended["annotations"][whole]),
            numbers(&untouched["annotations"][whole])
        );
    }
    assert_eq!(
        (&mended["info"], &mended["categories"]),
        (&untouched["info"], &untouched["categories"])
    );
    assert_eq!(mended["videos"][35], untouched["videos"][35]);
    assert_eq!(mended["annotations"][0]["segmentations"][0], Value::Null);
    assert!(seqformer_annotations::YtvisFile::read(&output).is_err(), "the unknown video stays");
}

#[test]
fn images_are_examined_by_the_same_rules() {
    let file = json!({
        "images": [{"id": 1, "file_name": "a.png", "height": 8, "width": 12}, {"id": 1, "file_name": "b.png", "height": 8, "width": 12}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "segmentation": mask(3), "bbox": [0, 0, 3, 2], "area": 6},
            {"id": 2, "image_id": 1, "category_id": 1, "bbox": [0, 0, 3, 2], "area": 6},
            {"id": 3, "image_id": 1, "category_id": 1, "segmentation": mask(4), "bbox": [5, 0, 4, 2], "area": 8},
            {"id": 4, "image_id": 2, "category_id": 1}]
    });
    let folder = tempdir().unwrap();
    let path = folder.path().join("coco.json");
    std::fs::write(&path, file.to_string()).unwrap();
    let report = examine(&path, None);
    let expected = [
        (Kind::DuplicateId, 1),
        (Kind::BoxMismatch, 1),
        (Kind::UnknownRecord, 1),
        (Kind::NoMask, 1),
    ];
    assert_eq!(counts(&report), expected.into(), "{:#?}", report.problems);
    assert!(report.problems.iter().all(|problem| problem.frame.is_none()));
    let output = folder.path().join("mended.json");
    check(&Checkup { file: path, images: None, fix: Some(output.clone()) }, &|_, _| {}).unwrap();
    let mended: Value = serde_json::from_slice(&std::fs::read(&output).unwrap()).unwrap();
    assert_eq!(mended["annotations"][2]["bbox"], json!([0.0, 0.0, 4.0, 2.0]));
}

#[test]
fn a_file_that_is_broken_or_no_dataset_is_an_error() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.json");
    for (text, expected) in [
        ("{\"videos\": [", "cut off"),
        ("{\"a\": []}", "a list videos or images"),
        ("[]", "list of results"),
    ] {
        std::fs::write(&path, text).unwrap();
        let checkup = Checkup { file: path.clone(), images: None, fix: None };
        let said = check(&checkup, &|_, _| {}).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    }
}

/// Boxes and areas, which are written with or without a fraction.
fn numbers(annotation: &Value) -> (Vec<Vec<f64>>, Vec<f64>) {
    let list = |value: &Value| value.as_array().unwrap().clone();
    let floats =
        |value: &Value| list(value).iter().map(|number| number.as_f64().unwrap()).collect();
    (list(&annotation["bboxes"]).iter().map(floats).collect(), floats(&annotation["areas"]))
}

/// Checks a file in which `from` is replaced by `to`, and compares the kinds of faults and the lines about them.
fn check_slip(from: &str, to: &str, expected: &[(Kind, &str)]) {
    let clean = clean().to_string();
    let text = clean.replacen(from, to, 1);
    assert_ne!(text, clean, "{from}");
    let folder = tempdir().unwrap();
    let path = folder.path().join("train.json");
    std::fs::write(&path, text).unwrap();
    let found = examine(&path, None).problems;
    let kinds: Vec<Kind> = found.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, expected.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), "{found:#?}");
    for (problem, (_, part)) in found.iter().zip(expected) {
        assert!(problem.to_string().contains(part), "{problem}");
    }
}

#[test]
fn slips_of_other_programs_are_named_once() {
    use Kind::{CategoryName, CrowdMark, FrameTwice, NoFrames, RepeatedKey, WrongField};
    let twice = "expected a key that occurs once";
    check_slip("\"iscrowd\":0", "\"iscrowd\":1,\"iscrowd\":0", &[(RepeatedKey, twice)]);
    check_slip(
        "{\"annotations\"",
        "{\"info\":1,\"annotations\"",
        &[(RepeatedKey, "the whole file")],
    );
    check_slip(
        "\"iscrowd\":0",
        "\"iscrowd\":2",
        &[(CrowdMark, "iscrowd: expected 0 or 1, found 2")],
    );
    check_slip("\"dog\"", "\" \"", &[(CategoryName, "found \" \"")]);
    check_slip("\"dog\"", "5", &[(WrongField, "name: expected a text, found 5")]);
    check_slip("\"dog\"", "\"\\ud800\"", &[(WrongField, "categories[2]: error")]);
    check_slip(
        "\"v3/1.png\"",
        "null",
        &[(WrongField, "file_names[1]: expected a text, found null")],
    );
    check_slip("\"v3/1.png\"", "\"./v3//0.png\"", &[(FrameTwice, "as frame 0 is")]);
    check_slip(
        "\"v3/0.png\",\"v3/1.png\"",
        "\"v2/1.png\",\"v2/0.png\"",
        &[(FrameTwice, "as frame 1 of videos[1] (id 2) is, and another of it")],
    );
    let empty = r#""videos":[{"id":99,"height":8,"width":12,"length":0},"#;
    check_slip("\"videos\":[", empty, &[(NoFrames, "videos[0] (id 99)")]);
    // A mask of another size says nothing of the box beside it.
    check_slip("\"size\":[8,12]", "\"size\":[12,8]", &[(Kind::MaskSize, "annotations[0]")]);
}

#[test]
fn lists_of_another_kind_are_no_empty_lists() {
    for key in ["annotations", "categories"] {
        let mut file = clean();
        file[key] = json!({"1": 2});
        let (_folder, path, _) = write(&file);
        let found = examine(&path, None).problems;
        let said = found[0].to_string();
        assert!(said.contains(&format!("the whole file: error: {key}: expected a list")), "{said}");
    }
}

#[test]
fn exif_data_that_turns_an_image_is_told_in_every_kind_of_file() {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seqformer-data/tests/fixtures");
    let folder = tempdir().unwrap();
    let path = folder.path().join("train.json");
    for name in ["orientation_6.jpg", "orientation_6.png", "orientation_6.webp"] {
        for (height, width, kind, part) in [
            (24, 17, Kind::TurnedFrame, "stand upright"),
            (17, 24, Kind::FrameSize, "because EXIF data turns the image"),
        ] {
            let image = json!({"id": 1, "file_name": name, "height": height, "width": width});
            let file = json!({"images": [image], "categories": [], "annotations": []});
            std::fs::write(&path, file.to_string()).unwrap();
            let report = examine(&path, Some(&images));
            assert_eq!(counts(&report), [(kind, 1)].into(), "{name}: {:#?}", report.problems);
            assert!(report.problems[0].to_string().contains(part), "{}", report.problems[0]);
        }
    }
}

#[test]
fn files_of_other_formats_are_told() {
    let folder = tempdir().unwrap();
    let image = folder.path().join("masks/a/0.png");
    write_image(&image, SIZE);
    for input in [image.as_path(), &folder.path().join("masks")] {
        let checkup = Checkup { file: input.to_path_buf(), images: None, fix: None };
        let said = check(&checkup, &|_, _| {}).unwrap_err().to_string();
        assert!(said.contains("found the format davis"), "{said}");
    }
}

#[test]
fn lists_of_complete_classes_name_classes_of_the_file() {
    let mut file = clean();
    file["videos"][0]["exhaustive_category_ids"] = json!([1, 5]);
    file["videos"][1]["neg_category_ids"] = json!([2, 77]);
    file["videos"][2]["not_exhaustive_category_ids"] = json!(3);
    let (_folder, path, _images) = write(&file);
    let report = examine(&path, None);
    let found: Vec<(Kind, &str, &str)> = { report.problems.iter() }
        .map(|problem| (problem.kind, problem.entry.as_str(), problem.what.as_str()))
        .collect();
    let expected = [
        (
            Kind::WrongField,
            "videos[2] (id 3)",
            "not_exhaustive_category_ids: expected a list of the ids of categories, found 3",
        ),
        (
            Kind::UnknownCategory,
            "videos[1] (id 2)",
            "neg_category_ids: expected the ids of categories of the file, found 77",
        ),
    ];
    assert_eq!(found, expected);
}
