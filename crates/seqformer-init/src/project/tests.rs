//! From annotations and frames to a folder that trains, or to one message and nothing.

use std::fs;
use std::path::{Path, PathBuf};

use seqformer_config::{CfgNode, Config};
use seqformer_convert::ReadOptions;
use seqformer_data::synth::{SynthLayout, SynthOptions, synthesize};
use seqformer_masks::ImageSize;
use seqformer_video::FfmpegLocation;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use super::*;
use crate::{Batch, Network, Wishes};

/// A synthetic dataset: its annotations and the folder of its frames.
fn synthetic(folder: &Path, layout: SynthLayout, num_train: usize) -> (PathBuf, PathBuf) {
    let dataset = synthesize(&SynthOptions {
        output: folder.join("data"),
        num_train,
        num_val: 1,
        seed: 1,
        size: ImageSize { height: 40, width: 56 },
        min_frames: 2,
        max_frames: 3,
        num_classes: 3,
        layout,
    });
    let train = dataset.unwrap().train;
    (train.json, train.image_root)
}

fn finish(request: &Request) -> Result<(Counts, Counts, Config), InitError> {
    let project = Project::prepare(request, &mut |_more| {})?;
    let start = Start::random(Network::Small)?;
    let (train, val, is_images) =
        (project.train().clone(), project.val().clone(), project.is_images());
    let training = Training::new(&start, &train, is_images, Batch::FIRST, Wishes::default());
    let file = project.finish(&start, &training, &["made by a test".to_owned()])?;
    let mut node = CfgNode::defaults();
    node.merge_from_file(&file)?;
    Ok((train, val, Config::try_from(&node)?))
}

fn ids(json: &Path, list: &str) -> Vec<Value> {
    let file: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    file[list].as_array().unwrap().iter().map(|entry| entry["id"].clone()).collect()
}

fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn videos_become_two_parts_and_a_configuration_that_reads_them() {
    let folder = tempdir().unwrap();
    let (json, frames) = synthetic(folder.path(), SynthLayout::Plain, 10);
    let output = folder.path().join("new/street");
    let (train, val, config) = finish(&Request::new(&json, &frames, &output)).unwrap();
    assert_eq!((train.videos, val.videos), (8, 2));
    assert_eq!(entries(&output), ["base.yaml", "config.yaml", "train.json", "val.json"]);
    let [first, second] = ["train.json", "val.json"].map(|name| ids(&output.join(name), "videos"));
    let mut all = [first, second].concat();
    all.sort_by_key(Value::as_i64);
    assert_eq!(all, ids(&json, "videos"));
    let own = config.datasets.own("train").unwrap();
    assert_eq!(own.image_root.as_deref(), Some(frames.as_path()));
    let read = seqformer_data::read_ytvis(&own.json, &frames).unwrap();
    assert_eq!(read.videos.len(), 8);
    assert!(read.videos.iter().flat_map(|video| &video.frames).all(|frame| frame.is_file()));
    // The number of classes, and a learning rate of the recipe for 6 clips at 0.0004.
    assert_eq!((config.model.seqformer.num_classes, config.solver.ims_per_batch), (3, 2));
    assert!((config.solver.base_lr - 0.0004 * 2.0 / 6.0).abs() < 1e-6);
    assert_eq!((config.input.min_size_test, config.input.coco_pretrain), (40, false));
    let text = fs::read_to_string(output.join("config.yaml")).unwrap();
    assert!(text.starts_with("# made by a test\n_BASE_"), "{text}");
}

#[test]
fn images_become_pseudo_clips() {
    let folder = tempdir().unwrap();
    let (json, frames) = synthetic(folder.path(), SynthLayout::Coco, 5);
    let output = folder.path().join("out");
    let (train, val, config) = finish(&Request::new(&json, &frames, &output)).unwrap();
    assert_eq!((train.videos, val.videos), (4, 1));
    assert_eq!(ids(&output.join("train.json"), "images").len(), 4);
    let own = config.datasets.own("val").unwrap();
    assert_eq!(own.format, seqformer_config::config::AnnotationFormat::Coco);
    assert!(config.input.coco_pretrain && config.input.crop.enabled);
    assert_eq!(config.input.sampling_frame_num, 2);
}

/// Two videos of two frames in the annotations; what is in the folder is up to the test.
fn annotations(folder: &Path, names: &[Option<[&str; 2]>; 2]) -> PathBuf {
    let mask = json!({"size": [20, 32], "counts": [100, 40, 500]});
    let videos: Vec<Value> = names
        .iter()
        .zip(1..)
        .map(|(names, id)| json!({"id": id, "height": 20, "width": 32, "length": 2, "file_names": names}))
        .collect();
    let objects: Vec<Value> = (1..=2)
        .map(|id| {
            json!({"id": id, "video_id": id, "category_id": 1, "iscrowd": 0,
                   "segmentations": [mask, null], "bboxes": [[5, 0, 2, 20], null], "areas": [40, null]})
        })
        .collect();
    let path = folder.join("notes.json");
    let file =
        json!({"videos": videos, "categories": [{"id": 1, "name": "cat"}], "annotations": objects});
    fs::write(&path, file.to_string()).unwrap();
    path
}

fn write_frame(path: &Path, (height, width): (u32, u32)) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let image = seqformer_data::RgbImage::new(ImageSize { height, width });
    seqformer_video::write_jpeg(path, &image).unwrap();
}

/// Annotations, and frames in `frames/a` and `frames/b`.
fn two_videos() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempdir().unwrap();
    let names = [Some(["set/a/1.png", "set/a/2.png"]), Some(["set/b/1.png", "set/b/2.png"])];
    let json = annotations(folder.path(), &names);
    let frames = folder.path().join("frames");
    for name in ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"] {
        write_frame(&frames.join(name), (20, 32));
    }
    (folder, json, frames)
}

#[test]
fn names_may_have_folders_and_endings_that_the_files_lack() {
    let (folder, json, frames) = two_videos();
    let output = folder.path().join("out");
    finish(&Request::new(&json, &frames, &output)).unwrap();
    let file: Value =
        serde_json::from_slice(&fs::read(output.join("train.json")).unwrap()).unwrap();
    let name = file["videos"][0]["file_names"][1].as_str().unwrap();
    assert!(["a/2.jpg", "b/2.jpg"].contains(&name), "{name}");
}

#[test]
fn without_names_the_frames_are_the_images_of_the_folder_or_of_the_film() {
    let folder = tempdir().unwrap();
    let json = annotations(folder.path(), &[None, None]);
    let frames = folder.path().join("frames");
    // Videos without names are called after their ids.
    let videos = Format::Ytvis.reader().read(&json, &ReadOptions::default(), &mut Notes::default());
    let names: Vec<String> =
        videos.unwrap().videos.iter().map(|video| video.name.clone()).collect();
    for number in [2, 10, 1] {
        write_frame(&frames.join(&names[0]).join(format!("{number}.jpg")), (20, 32));
    }
    let film = frames.join(format!("{}.gif", names[1]));
    let ffmpeg = FfmpegLocation::find(None);
    let mut sink = seqformer_video::FrameSink::video(&film, 5.0, &ffmpeg).unwrap();
    for _ in 0..3 {
        sink.write(&seqformer_data::RgbImage::new(ImageSize { height: 20, width: 32 })).unwrap();
    }
    sink.finish().unwrap();
    let output = folder.path().join("out");
    let (.., config) = finish(&Request::new(&json, &frames, &output)).unwrap();
    let mut found = Vec::new();
    for name in ["train", "val"] {
        let own = config.datasets.own(name).unwrap();
        assert_eq!(own.image_root.as_deref(), Some(output.join("frames").as_path()));
        let read = seqformer_data::read_ytvis(&own.json, &own.image_root.unwrap()).unwrap();
        found.extend(read.videos.into_iter().flat_map(|video| video.frames));
    }
    found.sort();
    let mut expected = [
        frames.join(&names[0]).join("1.jpg"),
        frames.join(&names[0]).join("2.jpg"),
        output.join("frames").join(&names[1]).join("00000.jpg"),
        output.join("frames").join(&names[1]).join("00001.jpg"),
    ];
    expected.sort();
    assert_eq!(found, expected);
    assert!(found.iter().all(|frame| frame.is_file()));
}

#[test]
fn what_cannot_be_used_is_said_and_nothing_is_left_behind() {
    let (folder, json, frames) = two_videos();
    let output = folder.path().join("out");
    let full = folder.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("mine.txt"), "mine").unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let empty = write("empty.json", "");
    let nothing = write(
        "nothing.json",
        &json!({"videos": [{"id": 1, "height": 20, "width": 32, "length": 2,
                            "file_names": ["a/1.jpg", "a/2.jpg"]}],
                "categories": [{"id": 1, "name": "cat"}], "annotations": []})
        .to_string(),
    );
    let one_names = [Some(["a/1.jpg", "a/2.jpg"]), Some(["c/1.jpg", "c/2.jpg"])];
    let elsewhere = folder.path().join("other");
    fs::create_dir(&elsewhere).unwrap();
    let one_missing = annotations(&elsewhere, &one_names);
    let before = entries(folder.path());
    let small = folder.path().join("frames");
    let cases: [(&Path, &Path, &Path, &[&str]); 7] = [
        (&folder.path().join("none.json"), &frames, &output, &["none.json: cannot be read"]),
        (&empty, &frames, &output, &["empty.json"]),
        (&nothing, &frames, &output, &["nothing.json", "two videos with objects", "found 0 of 1"]),
        (&json, &folder.path().join("gone"), &output, &["--frames", "gone", "found nothing"]),
        (&json, &elsewhere, &output, &["4 of 4 are missing", "--frames", "set/a/1.png"]),
        (&one_missing, &small, &output, &["2 of 4 are missing", "c/1.jpg"]),
        (&json, &frames, &full, &["full", "new or empty folder"]),
    ];
    for (data, frames, output, expected) in cases {
        let said = finish(&Request::new(data, frames, output)).unwrap_err().to_string();
        assert!(expected.iter().all(|part| said.contains(part)), "{said}");
        assert_eq!(entries(folder.path()), before, "{said}");
    }
    assert_eq!(entries(&full), ["mine.txt"]);
    write_frame(&frames.join("b/1.jpg"), (20, 30));
    let said = finish(&Request::new(&json, &frames, &output)).unwrap_err().to_string();
    assert!(said.contains("b/1.jpg") && said.contains("20x32") && said.contains("20x30"), "{said}");
    assert_eq!(entries(folder.path()), before);
}
