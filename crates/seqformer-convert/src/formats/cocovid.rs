//! CocoVID: COCO's images and annotations with `video_id` and `instance_id`, as mmtracking and mmdetection have it, and
//! TAO, whose names for these are `track_id` and `frame_index`.
//!
//! Reference: mmtracking `mmtrack/datasets/parsers/coco_video_parser.py`, `CocoVID`.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{
    AnnotationError, CocoFile, Entry, Fault, Id, Ids, Image, LabelLists, ObjectEntry, read_list,
};
use seqformer_masks::ImageSize;
use serde_json::json;

use crate::builder::{Seen, TrackBuilder};
use crate::dataset::{Dataset, Occlusion, Video};
use crate::formats::coco::{
    categories, image_size, marks, shape, shape_fields, write_categories, wrong,
};
use crate::frames::for_each_frame;
use crate::ids;
use crate::interface::{FileWriter, ReadOptions, Reader};
use crate::json_out::JsonOut;
use crate::names::{self, Unique};
use crate::{ConvertError, Notes};

/// The format.
#[derive(Debug)]
pub(crate) struct Cocovid;

impl Reader for Cocovid {
    fn read(
        &self,
        input: &Path,
        options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        let file = CocoFile::read(input)?;
        file.check_mask_sizes()?;
        file.notes.iter().for_each(|note| notes.say(note.text.as_str()));
        let (video_ids, frames) = frames_of_videos(&file)?;
        let given = video_entries(input)?;
        let mut unique = Unique::default();
        let mut videos = BTreeMap::new();
        let mut builders = BTreeMap::new();
        // Where each image is.
        let mut places = BTreeMap::new();
        for (&id, images) in &frames {
            let size = common_size(&file, images, options)?;
            let file_names: Option<Vec<String>> = images
                .iter()
                .map(|image| image.file_name.as_ref().map(ToString::to_string))
                .collect();
            let name = given.get(&video_ids.id(id)).and_then(|entry| entry.name.clone());
            let name = name.unwrap_or_else(|| names::of_video(file_names.as_deref(), id));
            for (frame, image) in images.iter().enumerate() {
                places.insert(image.id, (id, frame));
            }
            let (name, length) = (unique.take(name), images.len());
            let lists = images.iter().map(|image| image.exhaustive.as_deref());
            let exhaustive = lists.fold(None, in_both);
            builders.insert(id, TrackBuilder::new(size, format!("video {id} ({name})")));
            videos.insert(
                id,
                Video { id, name, size, length, file_names, tracks: Vec::new(), exhaustive },
            );
        }
        let (categories, category_list) = (categories(&file), file.categories.clone());
        let path = file.path.clone();
        let instances = file.annotations.iter().filter_map(|entry| entry.instance_id.as_ref());
        let instance_ids = Ids::new(instances);
        // Objects without a number come last, so that they get numbers that no other object has.
        let (known, unknown): (Vec<ObjectEntry>, Vec<ObjectEntry>) =
            file.annotations.into_iter().partition(|entry| entry.instance_id.is_some());
        for entry in known.into_iter().chain(unknown) {
            let Some(&(video, frame)) = places.get(&entry.image_id) else { continue };
            let Some(builder) = builders.get_mut(&video) else { continue };
            let number = entry.instance_id.as_ref().and_then(|id| instance_ids.number(id));
            if number.is_none() {
                notes.count("objects have no instance_id: each is an object of one frame", || {
                    entry.place.to_string()
                });
            }
            let id = number.unwrap_or_else(|| builder.unused_id());
            let ObjectEntry { category_id, is_crowd, is_ignored, is_occluded, .. } = entry;
            let Some(shape) = shape(entry, notes) else { continue };
            let occlusion = is_occluded.map(Occlusion::from_mark);
            builder.add(
                Seen { id, frame, category_id, shape, occlusion, is_crowd, is_ignored },
                notes,
            );
        }
        for (id, builder) in builders {
            if let Some(video) = videos.get_mut(&id) {
                video.tracks = builder.finish(video.length);
                let number = video_ids.id(id);
                let Some(entry) = given.get(&number) else { continue };
                let annotated = video.tracks.iter().map(|track| track.category_id).collect();
                let listed =
                    entry.lists.resolve(&category_list, Some(&annotated)).map_err(|fault| {
                        ConvertError::wrong(&path, format!("the video of id {number}"), fault)
                    })?;
                video.exhaustive = in_both(video.exhaustive.take(), listed.as_deref());
            }
        }
        Ok(Dataset { categories, videos: videos.into_values().collect() })
    }
}

/// Returns the images of every video in the order of their frames.
fn frames_of_videos(file: &CocoFile) -> Result<(Ids, BTreeMap<i64, Vec<&Image>>), ConvertError> {
    let ids = Ids::new(file.images.values().filter_map(|image| image.video_id.as_ref()));
    let mut videos: BTreeMap<i64, Vec<&Image>> = BTreeMap::new();
    for image in file.images.values() {
        let number = image.video_id.as_ref().and_then(|id| ids.number(id));
        let Some(number) = number else {
            let mend =
                "add video_id and frame_id to every image, or read the file with --from coco";
            let fault = Fault::new("video_id", "the id of a video", "none", mend);
            return Err(wrong(file, &file.image_place(image), fault));
        };
        videos.entry(number).or_default().push(image);
    }
    for images in videos.values_mut() {
        // Without a frame's number the order of the file counts.
        images.sort_by_key(|image| (image.frame, image.index));
        let again = images
            .windows(2)
            .find(|pair| pair[0].frame.is_some() && pair[0].frame == pair[1].frame);
        if let Some([first, second]) = again {
            let found =
                format!("{}, as {} has", second.frame.unwrap_or(0), file.image_place(first));
            let fault = Fault::new(
                "frame_id",
                "a frame that no other image of the video is",
                found,
                "correct it",
            );
            return Err(wrong(file, &file.image_place(second), fault));
        }
    }
    Ok((ids, videos))
}

/// Makes sure that all frames of a video have one size, and returns it.
fn common_size(
    file: &CocoFile,
    images: &[&Image],
    options: &ReadOptions,
) -> Result<ImageSize, ConvertError> {
    let mut common = None;
    for image in images {
        let size = image_size(file, image, options)?;
        let expected = *common.get_or_insert(size);
        if size != expected {
            let expected = format!("that of the frames before it, {expected}");
            let mend = "frames of a video have one size: resize the images, or make two videos";
            let fault = Fault::new("height, width", expected, size.to_string(), mend);
            return Err(wrong(file, &file.image_place(image), fault));
        }
    }
    Ok(common.unwrap_or(ImageSize { height: 1, width: 1 }))
}

/// The classes that are in both lists; `None` stands for all classes.
fn in_both(first: Option<Vec<i64>>, second: Option<&[i64]>) -> Option<Vec<i64>> {
    match (first, second) {
        (Some(mut first), Some(second)) => {
            first.retain(|id| second.contains(id));
            Some(first)
        }
        (first, second) => first.or_else(|| second.map(<[i64]>::to_vec)),
    }
}

/// An entry of the list of videos.
struct VideoEntry {
    /// Its name; a video without one is named by its frames.
    name: Option<String>,
    /// Which classes are completely annotated, as TAO has it.
    lists: LabelLists,
}

/// Reads the list of videos.
fn video_entries(path: &Path) -> Result<BTreeMap<Id, VideoEntry>, AnnotationError> {
    let mut videos = BTreeMap::new();
    let mut file = JsonFile::open(path)?;
    file.for_each_key(|file, key| {
        if key == "videos" && file.kind_of_next()? == "a list" {
            let video = |text: &[u8]| {
                let entry = Entry::parse(text)?;
                let name = entry.get("name").and_then(|name| name.as_str()).map(str::to_owned);
                let lists = LabelLists::read(&entry)?;
                Ok(entry.id("id").ok().map(|id| (id, VideoEntry { name, lists })))
            };
            videos = read_list(file, key, video)?.into_iter().flatten().collect();
            return Ok(());
        }
        if file.kind_of_next()? == "a list" {
            return file.parse_list(|_index, _text| Ok(())).map(drop);
        }
        file.read_value(&mut Vec::new())
    })?;
    Ok(videos)
}

impl FileWriter for Cocovid {
    fn write(
        &self,
        dataset: &Dataset,
        file: &mut File,
        notes: &mut Notes,
    ) -> Result<(), ConvertError> {
        let ids = ids::across_videos(dataset, notes);
        let mut out = JsonOut::new(file)?;
        write_categories(dataset, &mut out)?;
        out.begin_list("videos")?;
        for video in &dataset.videos {
            let mut entry = json!({
                "id": video.id,
                "name": video.name,
                "height": video.size.height,
                "width": video.size.width,
            });
            video.write_exhaustive(&mut entry);
            out.element(&entry)?;
        }
        out.end_list()?;
        out.begin_list("images")?;
        let mut image_id = 0;
        for video in &dataset.videos {
            for frame in 0..video.length {
                image_id += 1;
                let mut entry = json!({
                    "id": image_id,
                    "video_id": video.id,
                    "frame_id": frame,
                    "file_name": video.frame_name(frame),
                    "height": video.size.height,
                    "width": video.size.width,
                });
                video.write_exhaustive(&mut entry);
                out.element(&entry)?;
            }
        }
        out.end_list()?;
        out.begin_list("annotations")?;
        let (mut annotation_id, mut first_image) = (0, 1);
        for (video, ids) in dataset.videos.iter().zip(ids) {
            let instance_ids: BTreeMap<i64, i64> =
                video.tracks.iter().map(|track| track.id).zip(ids).collect();
            for_each_frame(video, |frame, seen| {
                for (track, shape) in seen {
                    annotation_id += 1;
                    let mut entry = json!({
                        "id": annotation_id,
                        "image_id": first_image + frame,
                        "video_id": video.id,
                        "category_id": track.category_id,
                        "instance_id": instance_ids.get(&track.id),
                        "iscrowd": u8::from(track.is_crowd),
                    });
                    marks(&mut entry, track, frame);
                    shape_fields(&mut entry, shape, video.size);
                    out.element(&entry)?;
                }
                Ok(())
            })?;
            first_image += video.length;
        }
        out.end_list()?;
        Ok(out.finish()?)
    }
}

#[cfg(test)]
mod tests;
