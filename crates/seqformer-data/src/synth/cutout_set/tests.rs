//! Videos of cut-outs of a small COCO dataset of shapes.

use std::collections::BTreeSet;
use std::time::Instant;

use seqformer_masks::ImageSize;
use tempfile::TempDir;

use super::super::{SynthLayout, SynthOptions, synthesize};
use super::*;
use crate::{TrackAnnotation, read_image, read_ytvis};

/// A folder with ten pictures of shapes, and the options to make two videos of them.
fn shapes() -> (TempDir, CutoutOptions) {
    let folder = tempfile::tempdir().unwrap();
    let options = SynthOptions {
        output: folder.path().join("pictures"),
        num_train: 10,
        num_val: 0,
        seed: 3,
        size: ImageSize { height: 96, width: 128 },
        min_frames: 1,
        max_frames: 1,
        num_classes: 5,
        layout: SynthLayout::Coco,
    };
    let train = synthesize(&options).unwrap().train;
    let options = CutoutOptions {
        annotations: train.json,
        images: train.image_root,
        output: folder.path().join("videos"),
        num_videos: 3,
        frames: 4..=6,
        short_side: 64,
        objects: 1..=3,
        seed: 7,
        num_workers: 1,
    };
    (folder, options)
}

fn write(options: CutoutOptions) -> PathBuf {
    CutoutSet::open(options).unwrap().write(&mut |_| ()).unwrap()
}

/// The content of all files of a dataset.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = vec![folder.join(ANNOTATIONS)];
    for video in fs::read_dir(folder.join(FRAMES)).unwrap() {
        let frames = fs::read_dir(video.unwrap().path()).unwrap();
        files.extend(frames.map(|frame| frame.unwrap().path()));
    }
    files.sort();
    let read =
        |file: PathBuf| (file.strip_prefix(folder).unwrap().to_owned(), fs::read(&file).unwrap());
    files.into_iter().map(read).collect()
}

/// The annotations with one field of every picture replaced.
fn with_field(options: &CutoutOptions, field: &str, value: &Value) -> Value {
    let mut file: Value = serde_json::from_slice(&fs::read(&options.annotations).unwrap()).unwrap();
    for picture in file["images"].as_array_mut().unwrap() {
        picture[field] = value.clone();
    }
    file
}

#[test]
fn the_same_seed_gives_the_same_bytes_for_any_number_of_threads() {
    let (folder, options) = shapes();
    let dataset = |name: &str, seed: u64, num_workers: usize| {
        let output = folder.path().join(name);
        write(CutoutOptions { output: output.clone(), seed, num_workers, ..options.clone() });
        content(&output)
    };
    let one = dataset("one", 7, 1);
    assert!(one.len() > 3 * 4);
    assert_eq!(one, dataset("three", 7, 3));
    assert_ne!(one, dataset("other", 8, 1));
}

#[test]
fn videos_are_read_back_with_the_classes_of_the_pictures() {
    let (_folder, options) = shapes();
    let pictures = read_coco(&options.annotations, &options.images).unwrap();
    let mut steps = Vec::new();
    let json =
        CutoutSet::open(options.clone()).unwrap().write(&mut |done| steps.push(done)).unwrap();
    assert_eq!(steps, [1, 2, 3]);
    let videos = read_ytvis(&json, &options.output.join(FRAMES)).unwrap();
    // COCO's ids have gaps.
    let is_known = |note: &String| note.starts_with("category ids are not 1, 2, 3");
    assert!(videos.notes.iter().all(is_known), "{:?}", videos.notes);
    assert_eq!((&videos.categories, videos.videos.len()), (&pictures.categories, 3));
    for video in &videos.videos {
        assert!((4..=6).contains(&video.frames.len()), "{}", video.frames.len());
        let (short, long) = (video.size.height, video.size.width);
        assert_eq!((short, long), (64, 86));
        for frame in &video.frames {
            assert_eq!(read_image(frame).unwrap().image.size, video.size);
        }
        assert!(video.tracks.iter().any(TrackAnnotation::is_visible));
        let ids: BTreeSet<u64> = video.tracks.iter().map(|track| track.id).collect();
        assert_eq!(ids.len(), video.tracks.len());
    }
    let text = fs::read_to_string(json).unwrap();
    assert!(!text.contains("exhaustive"), "pictures that say nothing are complete");
    let again = CutoutSet::open(options).unwrap_err().to_string();
    assert!(again.contains("train.json: already exists"), "{again}");
}

#[test]
fn classes_are_complete_in_a_video_where_they_are_in_the_picture_behind() {
    let (folder, options) = shapes();
    let check = |name: &str,
                 fields: &[(&str, Value)],
                 expected: &dyn Fn(&BTreeSet<u64>) -> BTreeSet<u64>| {
        let text = fs::read(&options.annotations).unwrap();
        let mut file: Value = serde_json::from_slice(&text).unwrap();
        for picture in file["images"].as_array_mut().unwrap() {
            for (field, value) in fields {
                picture[*field] = value.clone();
            }
        }
        let annotations = folder.path().join(format!("{name}.json"));
        fs::write(&annotations, serde_json::to_vec(&file).unwrap()).unwrap();
        let output = folder.path().join(name);
        let set =
            CutoutSet::open(CutoutOptions { annotations, output, ..options.clone() }).unwrap();
        for (index, picture) in set.pictures.videos.iter().enumerate() {
            let id = |category: usize| set.pictures.categories.ids()[category];
            let annotated = picture.tracks.iter().map(|track| id(track.category)).collect();
            let found = set.complete_classes(index).unwrap();
            let found: BTreeSet<u64> = found.iter().map(|id| id.as_u64().unwrap()).collect();
            assert_eq!(found, expected(&annotated), "{name}, picture {index}");
        }
        set
    };
    let set = check("own", &[("exhaustive_category_ids", vec![3, 1].into())], &|_| [1, 3].into());
    let json = set.write(&mut |_| ()).unwrap();
    let written: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    for video in written["videos"].as_array().unwrap() {
        assert_eq!(video["exhaustive_category_ids"], Value::from(vec![1, 3]));
    }
    let lvis = [
        ("neg_category_ids", Value::from(vec![5])),
        ("not_exhaustive_category_ids", Value::from(vec![2])),
    ];
    check("lvis", &lvis, &|annotated| {
        annotated.iter().copied().filter(|&id| id != 2).chain([5]).collect()
    });
}

#[test]
fn what_cannot_be_used_is_one_clear_error_before_anything_is_written() {
    let (folder, options) = shapes();
    let refused = |options: CutoutOptions, words: &[&str]| {
        let message = CutoutSet::open(options).unwrap_err().to_string();
        for word in words {
            assert!(message.contains(word), "{word}: {message}");
        }
    };
    let changed = |change: fn(&mut CutoutOptions)| {
        let mut options = options.clone();
        change(&mut options);
        options
    };
    refused(changed(|options| options.num_videos = 0), &["videos: expected 1 to 99999"]);
    refused(changed(|options| options.objects = 1..=51), &["objects", "1 to 50", "1 to 51"]);
    refused(changed(|options| options.short_side = 8), &["size", "32 to 4096"]);
    let file = |name: &str, value: &Value| {
        let annotations = folder.path().join(name);
        fs::write(&annotations, serde_json::to_vec(value).unwrap()).unwrap();
        CutoutOptions { annotations, ..options.clone() }
    };
    let mut wrong = with_field(&options, "exhaustive_category_ids", &"all".into());
    refused(file("text.json", &wrong), &["exhaustive_category_ids", "list of the ids", "\"all\""]);
    wrong = with_field(&options, "file_name", &"nowhere.jpg".into());
    refused(
        file("missing.json", &wrong),
        &["10 pictures", "none for 10", "nowhere.jpg", "--images"],
    );
    wrong = with_field(&options, "license", &1.into());
    wrong["annotations"].as_array_mut().unwrap().clear();
    refused(file("empty.json", &wrong), &["empty.json", "an object to cut out", "10 pictures"]);
    wrong["videos"] = wrong["images"].take();
    wrong.as_object_mut().unwrap().remove("images");
    refused(file("videos.json", &wrong), &["videos.json", "images", "YTVIS"]);
    let around = options.images.parent().unwrap().join(FRAMES);
    fs::rename(&options.images, &around).unwrap();
    let output = around.parent().unwrap().to_path_buf();
    let own = CutoutOptions { images: around, output, ..options.clone() };
    refused(own, &["JPEGImages", "never replaced"]);
    assert!(!options.output.exists());
}

#[test]
fn a_broken_picture_is_named_and_nothing_is_left_behind() {
    let (_folder, options) = shapes();
    let set = CutoutSet::open(options.clone()).unwrap();
    for entry in fs::read_dir(&options.images).unwrap() {
        fs::write(entry.unwrap().path(), "text").unwrap();
    }
    let message = set.write(&mut |_| ()).unwrap_err().to_string();
    assert!(message.contains(".jpg: expected a JPEG"), "{message}");
    assert_eq!(fs::read_dir(&options.output).unwrap().count(), 0);
}

#[test]
fn a_few_videos_are_composed_and_their_time_is_shown() {
    let (_folder, options) = shapes();
    let start = Instant::now();
    let options = CutoutOptions { short_side: 120, frames: 10..=10, ..options };
    write(options);
    println!("30 frames with a short side of 120: {:?}", start.elapsed());
}
