//! Datasets made for tests, written in one format, read back, and compared.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use seqformer_masks::{BitMask, ImageSize, Rle};

use crate::dataset::{Category, Dataset, Occlusion, Shape, Shapes, Track, Video};
use crate::{Conversion, Converted, Format, convert};

/// What a format keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keeps {
    pub(crate) overlap: bool,
    pub(crate) max_id: i64,
    pub(crate) marks: bool,
}

/// Masks of two objects may not overlap where a pixel has one value; the earlier one wins here.
fn without_overlap(videos: &mut [Video]) {
    for video in videos {
        let mut taken = vec![BitMask::new(video.size); video.length];
        for track in &mut video.tracks {
            let shapes = track.shapes.frames().zip(&mut taken).map(|(shape, taken)| {
                let mask = shape?.draw(video.size)?.decode();
                let free = mask.as_bytes().iter().zip(taken.as_bytes()).map(|(a, b)| a & (1 - b));
                let free = BitMask::from_bytes(video.size, free.collect()).unwrap();
                let all =
                    taken.as_bytes().iter().zip(free.as_bytes()).map(|(a, b)| a | b).collect();
                *taken = BitMask::from_bytes(video.size, all).unwrap();
                (free.area() > 0).then(|| Shape::Mask(Rle::encode(&free)))
            });
            track.shapes = Shapes::from(shapes.collect::<Vec<_>>());
        }
    }
}

/// Masks of rectangles, each pixel of which is missing now and then: parts, holes and touching corners.
fn mask(size: ImageSize) -> impl Strategy<Value = Option<Rle>> {
    let ImageSize { height, width } = size;
    let corner = (0..height, 0..width, 1..=height, 1..=width, 0_u64..1 << 40, 0..5_u8);
    corner.prop_map(move |(y, x, h, w, noise, kind)| {
        if kind == 0 {
            return None;
        }
        let mut mask = BitMask::new(size);
        let mut state = noise | 1;
        for y in y..(y + h).min(height) {
            for x in x..(x + w).min(width) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                mask.set(y, x, kind < 3 || state % 7 > 0);
            }
        }
        (mask.area() > 0).then(|| Rle::encode(&mask))
    })
}

/// Up to three videos of up to four frames with up to four objects.
pub(crate) fn datasets(keeps: Keeps) -> impl Strategy<Value = Dataset> {
    let video = (1_usize..5, 1_u32..20, 1_u32..20).prop_flat_map(move |(length, height, width)| {
        let size = ImageSize { height, width };
        let track = (
            proptest::collection::vec(mask(size), length),
            0..3_usize,
            any::<[bool; 3]>(),
            proptest::collection::vec(0..4_u8, length),
        );
        (Just(length), Just(size), proptest::collection::vec(track, 0..4))
    });
    let videos = proptest::collection::vec(video, 1..4);
    (videos, proptest::collection::btree_set(1..keeps.max_id, 12)).prop_map(move |(made, ids)| {
        let names = ["person", "Fuß & <Kopf>", "猫"];
        let categories: Vec<Category> = { names }
            .iter()
            .zip([2, 5, 9])
            .map(|(name, id)| Category { id, name: (*name).to_owned() })
            .collect();
        let mut ids = ids.into_iter();
        let mut videos = Vec::new();
        for (index, (length, size, tracks)) in made.into_iter().enumerate() {
            let name = format!("street_{index}");
            let files = (0..length).map(|frame| format!("{name}/{:05}.jpg", 5 * frame)).collect();
            let mut video = Video {
                id: index as i64 + 3,
                name,
                size,
                length,
                file_names: Some(files),
                tracks: Vec::new(),
                exhaustive: None,
            };
            for (masks, class, [is_crowd, is_ignored, knows], hidden) in tracks {
                // An object that is seen nowhere leaves no trace in most formats.
                if masks.iter().all(Option::is_none) {
                    continue;
                }
                let word = [Occlusion::None, Occlusion::Slight, Occlusion::Severe];
                let occlusion = masks.iter().zip(hidden).map(|(mask, hidden)| {
                    mask.as_ref().and_then(|_| word.get(usize::from(hidden)).copied())
                });
                let has_occlusion = knows && keeps.marks;
                video.tracks.push(Track {
                    id: ids.next().unwrap(),
                    category_id: categories[class].id,
                    is_crowd: is_crowd && keeps.marks,
                    is_ignored: is_ignored && keeps.marks,
                    score: None,
                    occlusion: if has_occlusion { occlusion.collect() } else { Vec::new() },
                    shapes: Shapes::from(
                        masks.into_iter().map(|mask| mask.map(Shape::Mask)).collect::<Vec<_>>(),
                    ),
                });
            }
            videos.push(video);
        }
        if !keeps.overlap {
            without_overlap(&mut videos);
            for video in &mut videos {
                video.tracks.retain(|track| track.shapes.frames().any(|shape| shape.is_some()));
            }
        }
        Dataset { categories, videos }
    })
}

/// Writes a dataset as YouTube-VIS, converts it to `format` and back, and returns what is read in the end.
pub(crate) fn there_and_back(
    dataset: &Dataset,
    format: Format,
    folder: &Path,
) -> (Dataset, Vec<String>) {
    let [first, there, back] = ["first.json", "there", "back.json"].map(|name| folder.join(name));
    write_ytvis(dataset, &first);
    let out = run(&first, Format::Ytvis, format, &there);
    // The format is guessed on the way back.
    let done = convert(&Conversion::new(&there, Format::Ytvis, &back)).unwrap();
    assert_eq!((done.from, done.was_guessed), (format, true));
    let read = read(&back, Format::Ytvis);
    (read, out.notes.lines().collect())
}

/// Converts a file or folder.
pub(crate) fn run(input: &Path, from: Format, to: Format, output: &Path) -> Converted {
    let conversion = Conversion { from: Some(from), ..Conversion::new(input, to, output) };
    convert(&conversion).unwrap()
}

/// Reads a file or folder.
pub(crate) fn read(path: &Path, format: Format) -> Dataset {
    format
        .reader()
        .read(path, &crate::ReadOptions::default(), &mut crate::Notes::default())
        .unwrap()
}

/// Writes a dataset as YouTube-VIS.
pub(crate) fn write_ytvis(dataset: &Dataset, path: &Path) {
    let Some(crate::Writer::File(writer)) = Format::Ytvis.writer() else { unreachable!() };
    let mut file = std::fs::File::create(path).unwrap();
    writer.write(dataset, &mut file, &mut crate::Notes::default()).unwrap();
}

/// An object with its masks in plain values: class by name, crowd, ignored, occlusion, pixels of every frame.
pub(crate) type Plain = (String, bool, bool, Vec<Option<bool>>, Vec<Option<BitMask>>);

/// The objects of every video by its name and their numbers.
pub(crate) fn plain(dataset: &Dataset) -> BTreeMap<String, BTreeMap<i64, Plain>> {
    let tracks = |video: &Video| {
        let plain = |track: &Track| {
            let masks = track.shapes.frames().map(|shape| Some(shape?.draw(video.size)?.decode()));
            let hidden = track.occlusion.iter().map(|hidden| hidden.map(Occlusion::is_occluded));
            (
                dataset.category_name(track.category_id).to_owned(),
                track.is_crowd,
                track.is_ignored,
                hidden.collect(),
                masks.collect(),
            )
        };
        video.tracks.iter().map(|track| (track.id, plain(track))).collect()
    };
    dataset.videos.iter().map(|video| (video.name.clone(), tracks(video))).collect()
}

/// The names of all frames by video.
pub(crate) fn frame_stems(dataset: &Dataset) -> Vec<(String, Vec<String>)> {
    let stems = |video: &Video| {
        (0..video.length)
            .map(|frame| crate::names::stem(&video.frame_name(frame)).to_owned())
            .collect()
    };
    dataset.videos.iter().map(|video| (video.name.clone(), stems(video))).collect()
}
