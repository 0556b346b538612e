//! YouTube-VIS: 2019, 2021, 2022, OVIS (which adds how far objects are hidden) and LV-VIS.
//!
//! Reference: YouTube-VIS `cocoapi`, `YTVOS`; OVIS's `occlusion`, a word for each frame.

use std::fs::File;
use std::path::Path;

use rayon::prelude::*;
use seqformer_annotations::{TrackEntry, YtvisFile};
use seqformer_masks::{BoxXywh, Rle};
use serde::Serialize;
use serde_json::json;

use crate::dataset::{Category, Dataset, Occlusion, Shape, Shapes, Track, Video};
use crate::frames::mask_of;
use crate::ids;
use crate::interface::{FileWriter, ReadOptions, Reader};
use crate::json_out::JsonOut;
use crate::names::{self, Unique};
use crate::{ConvertError, Notes};

/// The format.
#[derive(Debug)]
pub(crate) struct Ytvis;

/// Objects that are turned into text at once.
const BATCH: usize = 256;

impl Reader for Ytvis {
    fn read(
        &self,
        input: &Path,
        _options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        let file = YtvisFile::read_compact(input)?;
        file.check_mask_sizes()?;
        file.notes.iter().for_each(|note| notes.say(note.text.as_str()));
        let categories = file.categories.by_id.into_values();
        let categories = categories.map(|found| Category { id: found.id, name: found.name });
        let mut unique = Unique::default();
        let mut videos: std::collections::BTreeMap<i64, Video> = file
            .videos
            .into_iter()
            .map(|(id, found)| {
                let mut file_names: Option<Vec<String>> = found
                    .file_names
                    .map(|names| names.iter().map(|name| (**name).to_owned()).collect());
                if let Some(names) = &mut file_names
                    && names.len() != found.length
                {
                    let what = "videos name more or fewer files than they have frames";
                    notes.count(what, || format!("videos[{}] (id {id})", found.index));
                    names.truncate(found.length);
                }
                let name = unique.take(names::of_video(file_names.as_deref(), id));
                let (size, length) = (found.size, found.length);
                let exhaustive = found.exhaustive.map(Vec::from);
                (id, Video { id, name, size, length, file_names, tracks: Vec::new(), exhaustive })
            })
            .collect();
        for entry in file.annotations {
            if let Some(video) = videos.get_mut(&entry.video_id) {
                let track = track(entry, video.length, notes);
                video.tracks.push(track);
            }
        }
        Ok(Dataset { categories: categories.collect(), videos: videos.into_values().collect() })
    }
}

fn track(entry: TrackEntry, length: usize, notes: &mut Notes) -> Track {
    let TrackEntry { id, category_id, is_crowd, is_ignored, masks, occlusion, place, .. } = entry;
    let mut shapes = Shapes::from(masks);
    if shapes.len() > length {
        let first: Vec<Option<Shape>> = shapes
            .frames()
            .take(length)
            .map(|shape| shape.map(std::borrow::Cow::into_owned))
            .collect();
        shapes = Shapes::from(first);
    }
    let words = occlusion.into_iter().flatten().take(length);
    let occlusion = words
        .map(|word| {
            let known = word.as_deref().and_then(Occlusion::from_word);
            if word.is_some() && known.is_none() {
                notes.count("words for occlusion are not those of OVIS and are left out", || {
                    place.to_string()
                });
            }
            known
        })
        .collect();
    Track { id, category_id, is_crowd, is_ignored, score: None, shapes, occlusion }
}

/// An annotation as the file has it.
#[derive(Debug, Serialize)]
struct Annotation {
    id: i64,
    video_id: i64,
    category_id: i64,
    iscrowd: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignore: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    height: u32,
    width: u32,
    length: usize,
    segmentations: Vec<Option<Rle>>,
    bboxes: Vec<Option<[f64; 4]>>,
    areas: Vec<Option<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occlusion: Option<Vec<Option<&'static str>>>,
}

impl Annotation {
    fn new(video: &Video, track: &Track, id: i64, notes: &mut Notes) -> Option<Self> {
        let mut segmentations = Vec::with_capacity(video.length);
        for (frame, shape) in track.shapes.frames().enumerate() {
            segmentations
                .push(shape.and_then(|shape| mask_of(&shape, (video, track, frame), notes)));
        }
        if segmentations.iter().all(Option::is_none)
            && !track.shapes.frames().all(|shape| shape.is_none())
        {
            return None;
        }
        let bounds = |mask: &Rle| {
            let BoxXywh { x, y, width, height } = mask.bounding_box();
            [x, y, width, height]
        };
        let words = track.occlusion.iter().map(|hidden| hidden.map(Occlusion::word));
        Some(Self {
            id,
            video_id: video.id,
            category_id: track.category_id,
            iscrowd: u8::from(track.is_crowd),
            ignore: track.is_ignored.then_some(1),
            score: track.score,
            height: video.size.height,
            width: video.size.width,
            length: video.length,
            bboxes: segmentations.iter().map(|mask| mask.as_ref().map(bounds)).collect(),
            areas: segmentations.iter().map(|mask| mask.as_ref().map(Rle::area)).collect(),
            segmentations,
            occlusion: (!track.occlusion.is_empty()).then(|| words.collect()),
        })
    }
}

impl FileWriter for Ytvis {
    fn write(
        &self,
        dataset: &Dataset,
        file: &mut File,
        notes: &mut Notes,
    ) -> Result<(), ConvertError> {
        let ids = ids::across_videos(dataset, notes);
        for video in &dataset.videos {
            for track in video.tracks.iter().filter(|track| track.is_ignored) {
                let what =
                    "regions to be ignored have the mark \"ignore\", which most tools do not read";
                notes.count(what, || video.track_place(track));
            }
        }
        let mut out = JsonOut::new(file)?;
        let categories: Vec<_> = dataset
            .categories
            .iter()
            .map(|category| json!({"id": category.id, "name": category.name}))
            .collect();
        out.begin_list("videos")?;
        for video in &dataset.videos {
            if video.file_names.is_none() {
                let what = "videos name no frames, which are called VIDEO/00000.jpg and so on now";
                notes.count(what, || video.place());
            }
            let names: Vec<_> = (0..video.length).map(|frame| video.frame_name(frame)).collect();
            let mut entry = json!({
                "id": video.id,
                "height": video.size.height,
                "width": video.size.width,
                "length": video.length,
                "file_names": names,
            });
            video.write_exhaustive(&mut entry);
            out.element(&entry)?;
        }
        out.end_list()?;
        out.value("categories", &categories)?;
        out.begin_list("annotations")?;
        let tracks: Vec<(&Video, &Track, i64)> = dataset
            .videos
            .iter()
            .zip(ids)
            .flat_map(|(video, ids)| {
                video.tracks.iter().zip(ids).map(move |(track, id)| (video, track, id))
            })
            .collect();
        for batch in tracks.chunks(BATCH) {
            let texts: Vec<_> = batch
                .par_iter()
                .map(|&(video, track, id)| {
                    let mut notes = Notes::default();
                    let annotation = Annotation::new(video, track, id, &mut notes);
                    let text = annotation.map(|entry| serde_json::to_string(&entry)).transpose();
                    (text, notes)
                })
                .collect();
            for (text, more) in texts {
                notes.add(more);
                if let Some(text) = text.map_err(std::io::Error::from)? {
                    out.raw_element(text.as_bytes())?;
                }
            }
        }
        out.end_list()?;
        Ok(out.finish()?)
    }
}

#[cfg(test)]
mod tests;
