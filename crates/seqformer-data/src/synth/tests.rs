//! The same bytes from the same seed, and annotations that fit the pictures.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use seqformer_masks::BoxXywh;

use super::scene::Scene;
use super::*;
use crate::random::Random;
use crate::trigonometry::{cos_turns, sin_turns};
use crate::{Catalog, ClassTable, read_image};

fn options(output: &Path, layout: SynthLayout) -> SynthOptions {
    SynthOptions {
        output: output.to_owned(),
        num_train: 3,
        num_val: 2,
        seed: 7,
        size: ImageSize { height: 48, width: 64 },
        min_frames: 4,
        max_frames: 8,
        num_classes: 5,
        layout,
    }
}

/// All files below a folder, with their content.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(path) = folders.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
    synthesize(&options(&a, SynthLayout::Plain)).unwrap();
    synthesize(&options(&b, SynthLayout::Plain)).unwrap();
    synthesize(&SynthOptions { seed: 8, ..options(&c, SynthLayout::Plain) }).unwrap();
    assert_eq!(content(&a), content(&b));
    assert_ne!(content(&a), content(&c));
}

#[test]
fn every_layout_is_read_back_and_fits_its_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let check = |layout: SynthLayout, name: &str, classes: usize| {
        let output = folder.path().join(format!("{layout:?}"));
        let dataset = synthesize(&options(&output, layout)).unwrap();
        if name != "train" {
            assert_eq!(Catalog::new(&output).get(name).unwrap(), dataset.train);
        }
        let train = dataset.train.read().unwrap();
        assert!(train.notes.is_empty(), "{:?}", train.notes);
        assert_eq!((train.categories.len(), train.videos.len()), (classes, 3));
        train.check_for_training(classes).unwrap();
        assert_eq!(dataset.val.read().unwrap().videos.len(), 2);
        let boxes = boxes_of(&dataset.train.json);
        for video in &train.videos {
            assert!((1..=8).contains(&video.frames.len()) && (1..=4).contains(&video.tracks.len()));
            let image = read_image(&video.frames[0]).unwrap().image;
            assert_eq!(image.size, video.size);
            for track in &video.tracks {
                assert!(track.category < 5 && track.is_visible());
                for (index, frame) in track.frames.iter().enumerate() {
                    let Some(frame) = frame else { continue };
                    let mask = frame.segmentation.to_mask(video.size).unwrap();
                    assert_eq!(mask.bounding_box(), Some(boxes[&track.id][index].into()));
                }
            }
        }
    };
    check(SynthLayout::Plain, "train", 5);
    check(SynthLayout::Ytvis2019, "ytvis_2019_train", ClassTable::Ytvis2019.names().len());
    check(SynthLayout::Ytvis2021, "ytvis_2021_train", ClassTable::Ytvis2021.names().len());
    check(SynthLayout::Ovis, "ytvis_ovis_train", ClassTable::Ovis.names().len());
    check(SynthLayout::Coco, "coco_2017_train", ClassTable::Coco.names().len());
}

/// The boxes of a file by the ids of annotations, one for each frame.
fn boxes_of(json: &Path) -> BTreeMap<u64, Vec<BoxXywh>> {
    let file: serde_json::Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    let bbox =
        |value: &serde_json::Value| match serde_json::from_value::<Option<[f64; 4]>>(value.clone())
            .unwrap()
        {
            Some([x, y, width, height]) => BoxXywh { x, y, width, height },
            None => BoxXywh::default(),
        };
    let boxes = |annotation: &serde_json::Value| {
        let boxes = match annotation["bboxes"].as_array() {
            Some(boxes) => boxes.iter().map(bbox).collect(),
            None => vec![bbox(&annotation["bbox"])],
        };
        (annotation["id"].as_u64().unwrap(), boxes)
    };
    file["annotations"].as_array().unwrap().iter().map(boxes).collect()
}

#[test]
fn an_empty_split_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    for layout in [SynthLayout::Plain, SynthLayout::Coco] {
        let output = folder.path().join(format!("{layout:?}"));
        let options = SynthOptions { num_val: 0, ..options(&output, layout) };
        assert!(synthesize(&options).unwrap().val.read().unwrap().videos.is_empty());
    }
}

#[test]
fn masks_are_disjoint_and_objects_well_visible() {
    let size = ImageSize { height: 48, width: 64 };
    for seed in 0..20 {
        let mut random = Random::new(seed, Purpose::SyntheticTraining, 0);
        let scene = Scene::draw(&mut random, size, 10, 12);
        let mut frames_seen = vec![0; scene.objects().len()];
        for frame in 0..10 {
            let masks = scene.render(frame, size).masks;
            let mut covered = vec![0; size.num_pixels() as usize];
            for (seen, mask) in frames_seen.iter_mut().zip(&masks) {
                let Some(mask) = mask else { continue };
                *seen += 1;
                for (sum, pixel) in covered.iter_mut().zip(mask.as_bytes()) {
                    *sum += pixel;
                }
            }
            assert!(covered.iter().all(|&sum| sum <= 1), "seed {seed}, frame {frame}");
        }
        assert!(frames_seen.iter().all(|&seen| seen >= 4), "seed {seed}: {frames_seen:?}");
    }
}

#[test]
fn every_shape_has_its_own_pixels() {
    let pixels = |shape: Shape| -> Vec<bool> {
        let place = |step: u32| f64::from(step) / 20.0 - 1.0;
        (0..41 * 41).map(|at| shape.contains(place(at % 41), place(at / 41))).collect()
    };
    let all: Vec<Vec<bool>> = Shape::ALL.into_iter().map(pixels).collect();
    for (index, one) in all.iter().enumerate() {
        let area = one.iter().filter(|&&set| set).count();
        // A unit circle has 1257 of these points.
        assert!((300..1300).contains(&area), "{:?}: {area}", Shape::ALL[index]);
        for (other_index, other) in all.iter().enumerate().skip(index + 1) {
            let differing = one.iter().zip(other).filter(|(a, b)| a != b).count();
            assert!(differing > 150, "{:?} {:?}", Shape::ALL[index], Shape::ALL[other_index]);
        }
    }
}

#[test]
fn sine_and_cosine_agree_with_the_system() {
    for step in -40..=40 {
        let turns = f64::from(step) / 16.0;
        let angle = turns * std::f64::consts::TAU;
        assert!((sin_turns(turns) - angle.sin()).abs() < 1e-7, "{turns}");
        assert!((cos_turns(turns) - angle.cos()).abs() < 1e-7, "{turns}");
    }
}

#[test]
fn options_out_of_range_and_existing_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let check = |change: fn(&mut SynthOptions), word: &str| {
        let mut options = options(folder.path(), SynthLayout::Plain);
        change(&mut options);
        let message = synthesize(&options).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    };
    check(|options| options.num_classes = 0, "classes");
    check(|options| options.num_classes = 13, "classes");
    check(|options| options.size.width = 8, "size");
    check(|options| options.min_frames = 9, "frames");
    check(|options| (options.num_train, options.num_val) = (0, 0), "videos");
    assert!(content(folder.path()).is_empty());
    synthesize(&options(folder.path(), SynthLayout::Plain)).unwrap();
    check(|_| (), "already exists");
}

#[test]
fn a_small_set_is_written_and_its_time_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let size = ImageSize { height: 120, width: 160 };
    let options = SynthOptions {
        num_train: 4,
        num_val: 1,
        size,
        min_frames: 20,
        max_frames: 20,
        ..options(folder.path(), SynthLayout::Plain)
    };
    let start = Instant::now();
    synthesize(&options).unwrap();
    println!("5 videos of 20 frames at 160x120: {:?}", start.elapsed());
    assert_eq!(content(folder.path()).len(), 5 * 20 + 2);
}
