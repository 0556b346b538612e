//! `data show`: what is drawn over which frames.

use std::fs;
use std::path::{Path, PathBuf};

use seqformer_config::{CfgNode, Config};
use seqformer_data::{
    AnnotatedVideos, ClipSource as _, DatasetKind, DatasetSource, Purpose, Random, RgbImage,
    read_image,
};
use seqformer_masks::{BitMask, Rle};
use seqformer_training_data::{BatchPlan, DataPlan, training_data};
use serde_json::json;
use tempfile::TempDir;

use crate::{display, seqformer, text, write_config};

/// Two videos or images of moving shapes, with their annotations.
fn dataset(folder: &Path, layout: &str, kind: DatasetKind) -> AnnotatedVideos {
    let output = folder.join("data");
    let words = [
        "synth",
        "--output",
        &display(&output),
        "--layout",
        layout,
        "--videos",
        "2",
        "--val-videos",
        "1",
        "--size",
        "96x64",
        "--frames",
        "3..3",
        "--seed",
        "4",
    ];
    let done = seqformer(&words);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let (json, images) = match kind {
        DatasetKind::Ytvis => {
            ("ytvis_2019/annotations/instances_train_sub.json", "ytvis_2019/train/JPEGImages")
        }
        DatasetKind::Coco => ("coco/annotations/instances_train2017.json", "coco/train2017"),
    };
    let source = DatasetSource {
        name: layout.to_owned(),
        kind,
        json: output.join(json),
        image_root: output.join(images),
        classes: None,
    };
    source.read().unwrap()
}

/// The mean difference of the pixels inside and outside of a mask.
fn differences(drawn: &RgbImage, original: &RgbImage, mask: &BitMask) -> [f64; 2] {
    let (mut sums, mut counts) = ([0.0; 2], [0.0; 2]);
    let pixels = drawn.pixels.chunks(3).zip(original.pixels.chunks(3));
    for ((drawn, original), &inside) in pixels.zip(mask.as_bytes()) {
        let outside = usize::from(inside == 0);
        let parts = drawn.iter().zip(original);
        sums[outside] += parts.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>();
        counts[outside] += 3.0;
    }
    [sums[0] / counts[0], sums[1] / counts[1]]
}

/// Everything that an object covers in a frame.
fn covered(dataset: &AnnotatedVideos, video: usize, frame: usize) -> BitMask {
    let record = &dataset.videos[video];
    let mut all = BitMask::new(record.size);
    for annotation in record.tracks.iter().filter_map(|track| track.frames[frame].as_ref()) {
        let mask = annotation.segmentation.to_mask(record.size).unwrap();
        for (index, _) in mask.as_bytes().iter().enumerate().filter(|(_, pixel)| **pixel != 0) {
            let width = record.size.width;
            all.set(index as u32 / width, index as u32 % width, true);
        }
    }
    all
}

fn show(words: &[&str]) -> (bool, String, String) {
    let done = seqformer(&[&["data", "show"], words].concat());
    (done.status.success(), text(&done.stdout), text(&done.stderr))
}

#[test]
fn annotations_are_drawn_over_their_frames_and_nothing_is_replaced() {
    let folder = TempDir::new().unwrap();
    let dataset = dataset(folder.path(), "ytvis_2019", DatasetKind::Ytvis);
    let (file, output) = (display(&dataset.path), display(&folder.path().join("shown")));
    let images = dataset.videos[0].frames[0].parent().unwrap().parent().unwrap();
    let id = dataset.videos[1].id.to_string();
    let words = [file.as_str(), "--images", &display(images), "--output", &output, "--videos", &id];
    let (is_done, said, errors) = show(&words);
    assert!(is_done, "{errors}");
    let drawn = folder.path().join("shown").join(format!("video_{id}"));
    let count = dataset.videos[1].tracks.len();
    let objects = if count == 1 { "1 object".to_owned() } else { format!("{count} objects") };
    assert_eq!(said, format!("{}: {file}, 3 frames, {objects}\n", drawn.display()));
    for frame in 0..3 {
        let picture = read_image(&drawn.join(format!("overlay_{frame:05}.jpg"))).unwrap().image;
        let original = read_image(&dataset.videos[1].frames[frame]).unwrap().image;
        let [inside, outside] = differences(&picture, &original, &covered(&dataset, 1, frame));
        // Tags lie outside as well, over a part of the frame.
        assert!(inside > 30.0 && outside < inside / 2.0, "{frame}: {inside} {outside}");
    }
    let (is_done, _, errors) = show(&words);
    assert!(!is_done && errors.contains("overwrite"), "{errors}");
    assert!(show(&[&words[..], &["--overwrite"]].concat()).0);
    let (is_done, _, errors) = show(&[&words[..], &["--overwrite", "--font", &file]].concat());
    assert!(!is_done && errors.contains("font"), "{errors}");
    let (is_done, _, errors) = show(&[&words[..5], &["--videos", "77"]].concat());
    assert!(!is_done && errors.contains("--videos 77") && errors.contains(&id), "{errors}");
}

#[test]
fn what_is_there_is_drawn_and_what_is_missing_is_said() {
    let folder = TempDir::new().unwrap();
    let dataset = dataset(folder.path(), "ytvis_2019", DatasetKind::Ytvis);
    let (file, output) = (display(&dataset.path), folder.path().join("shown"));
    let [absent, partial] = &dataset.videos[..] else { panic!("two videos") };
    let images = display(absent.frames[0].parent().unwrap().parent().unwrap());
    absent
        .frames
        .iter()
        .chain([&partial.frames[1]])
        .for_each(|path| fs::remove_file(path).unwrap());
    let words = [file.as_str(), "--images", &images, "--output", &display(&output)];
    let (is_done, said, errors) = show(&words);
    assert!(is_done && said.lines().count() == 1, "{said} {errors}");
    let without = format!(
        "1 of 2 videos have no frames on the disk and are left out, the first is {}",
        display(&absent.frames[0])
    );
    let missing =
        format!("1 of 3 frames are not on the disk, the first is {}", display(&partial.frames[1]));
    assert!(errors.contains(&without) && errors.contains(&missing), "{errors}");
    // The numbers of pictures stay those of frames.
    let picture = |frame| output.join(format!("video_{}/overlay_{frame:05}.jpg", partial.id));
    let drawn = read_image(&picture(1)).unwrap().image;
    let plain = RgbImage { size: partial.size, pixels: vec![40; drawn.pixels.len()] };
    let [inside, outside] = differences(&drawn, &plain, &covered(&dataset, 1, 1));
    // Tags are far brighter than the ground.
    assert!(inside > 60.0 && outside < 0.6 * inside, "{inside} {outside}");
    assert!(picture(2).is_file());

    for frame in [0, 2] {
        fs::remove_file(&partial.frames[frame]).unwrap();
    }
    let elsewhere = folder.path().join("nothing");
    let (is_done, _, errors) = show(&[&words[..4], &[&display(&elsewhere)]].concat());
    assert!(!is_done && !elsewhere.exists(), "{errors}");
    assert!(
        errors.contains("the frames of 2 videos, found none") && errors.contains("--images"),
        "{errors}"
    );
}

#[test]
fn results_above_the_threshold_are_drawn_over_frames_and_images() {
    let folder = TempDir::new().unwrap();
    for (layout, kind) in [("ytvis_2019", DatasetKind::Ytvis), ("coco", DatasetKind::Coco)] {
        let dataset = dataset(folder.path(), layout, kind);
        let video = &dataset.videos[0];
        let size = [video.size.height, video.size.width];
        let mut left = BitMask::new(video.size);
        (0..size[0]).for_each(|y| (0..20).for_each(|x| left.set(y, x, true)));
        let mask = || json!({"size": size, "counts": Rle::encode(&left).to_compressed()});
        let category = dataset.categories.ids()[0];
        let result = |score: f64| match kind {
            DatasetKind::Ytvis => {
                json!({"video_id": video.id, "category_id": category, "score": score,
                "segmentations": [mask(), null, mask()]})
            }
            DatasetKind::Coco => {
                json!({"image_id": video.id, "category_id": category, "score": score,
                "segmentation": mask()})
            }
        };
        let results = folder.path().join(format!("{layout}.json"));
        fs::write(&results, json!([result(0.9), result(0.2)]).to_string()).unwrap();
        let output = folder.path().join(format!("shown_{layout}"));
        let images: PathBuf = match kind {
            DatasetKind::Ytvis => video.frames[0].parent().unwrap().parent().unwrap().into(),
            DatasetKind::Coco => video.frames[0].parent().unwrap().into(),
        };
        let words = [
            &display(&dataset.path),
            "--images",
            &display(&images),
            "--results",
            &display(&results),
            "--output",
            &display(&output),
            "--count",
            "1",
        ];
        let (is_done, said, errors) = show(&words);
        assert!(is_done && said.ends_with("1 object\n"), "{said} {errors}");
        let (drawn, shown) = match kind {
            DatasetKind::Ytvis => (output.join(format!("video_{}/overlay_00002.jpg", video.id)), 2),
            DatasetKind::Coco => (output.join(format!("image_{}.jpg", video.id)), 0),
        };
        let original = read_image(&video.frames[shown]).unwrap().image;
        let [inside, outside] = differences(&read_image(&drawn).unwrap().image, &original, &left);
        assert!(inside > 20.0 && outside < inside / 2.0, "{layout}: {inside} {outside}");
    }
}

#[test]
fn clips_are_those_of_the_training() {
    let folder = TempDir::new().unwrap();
    let dataset = dataset(folder.path(), "ytvis_2019", DatasetKind::Ytvis);
    let images = dataset.videos[0].frames[0].parent().unwrap().parent().unwrap();
    let datasets = format!(
        "  CUSTOM: {{street: {{json: {}, image_root: {}}}}}\n  TRAIN: [street]\n  TEST: [street]",
        dataset.path.display(),
        images.display()
    );
    let config_file = write_config(folder.path(), &datasets, "SEED: 6");
    let words = [
        "INPUT.DATA_PATH",
        "original",
        "INPUT.RANDOM_FLIP",
        "flip_by_clip",
        // Tags cover less of larger frames.
        "INPUT.MIN_SIZE_TRAIN",
        "(300,)",
    ];
    let output = folder.path().join("shown");
    let begin =
        ["--config-file", &display(&config_file), "--output", &display(&output), "--count", "3"];
    let (is_done, said, errors) = show(&[&begin[..], &words].concat());
    assert!(is_done, "{errors}");

    let mut node = CfgNode::defaults();
    node.merge_from_file(&config_file).unwrap();
    node.merge_from_list(&words.map(str::to_owned)).unwrap();
    let config = Config::try_from(&node).unwrap();
    let data = training_data(&DataPlan::from_config(&config)).unwrap();
    let batches = BatchPlan::from_config(&config).batches(&data.set, 6, 0);
    for (number, (entry, line)) in batches.flatten().zip(said.lines()).enumerate() {
        let clip =
            data.set.sample(entry, &mut Random::new(6, Purpose::Sample, entry.position)).unwrap();
        let name = output.join(format!("clip_{:04}", number + 1));
        let frames: Vec<String> = clip.frame_indices.iter().map(ToString::to_string).collect();
        let expected = format!(", id {}, frames {}, ", clip.video_id, frames.join(","));
        assert!(
            line.starts_with(&display(&name)) && line.contains(&expected),
            "{line}, not {expected}"
        );
        for (index, frame) in clip.frames.iter().enumerate() {
            let drawn = read_image(&name.join(format!("overlay_{index:05}.jpg"))).unwrap().image;
            assert_eq!(drawn.size, frame.size);
            let mut covered = BitMask::new(frame.size);
            for instance in &clip.instances {
                for (place, _) in instance.frames[index]
                    .mask
                    .as_bytes()
                    .iter()
                    .enumerate()
                    .filter(|(_, p)| **p != 0)
                {
                    covered.set(
                        place as u32 / frame.size.width,
                        place as u32 % frame.size.width,
                        true,
                    );
                }
            }
            let [inside, outside] = differences(&drawn, frame, &covered);
            assert!(
                covered.area() == 0 || (inside > 25.0 && outside < inside / 2.0),
                "{inside} {outside}"
            );
        }
    }
    assert_eq!(said.lines().count(), 3);
}

#[test]
fn a_film_has_all_frames_and_images_have_none() {
    let folder = TempDir::new().unwrap();
    let videos = dataset(folder.path(), "ytvis_2019", DatasetKind::Ytvis);
    let images = videos.videos[0].frames[0].parent().unwrap().parent().unwrap();
    let output = display(&folder.path().join("shown"));
    let film = [
        &display(&videos.path),
        "--images",
        &display(images),
        "--output",
        &output,
        "--film",
        "--count",
        "1",
    ];
    let (is_done, said, errors) = show(&film);
    assert!(is_done, "{errors}");
    let path = Path::new(said.split(": ").next().unwrap());
    assert!(path.starts_with(&output) && path.metadata().unwrap().len() > 100, "{said}");
    let stills = dataset(folder.path(), "coco", DatasetKind::Coco);
    let (is_done, _, errors) = show(&[&display(&stills.path), "--output", &output, "--film"]);
    assert!(!is_done && errors.contains("single images"), "{errors}");
    let (is_done, _, errors) = show(&["--output", &output]);
    assert!(!is_done && errors.contains("annotation file"), "{errors}");
}
