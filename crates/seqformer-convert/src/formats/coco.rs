//! COCO: single images with objects.
//!
//! Reference: pycocotools, `COCO`. Frames of a video become images of their own, and identity is lost.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use seqformer_annotations::{BoxField, CocoFile, Fault, Image, ObjectEntry};
use seqformer_masks::{BoxXywh, ImageSize};
use serde_json::{Value, json};

use crate::dataset::{Category, Dataset, Occlusion, Shape, Shapes, Track, Video};
use crate::frames::for_each_frame;
use crate::interface::{FileWriter, ReadOptions, Reader};
use crate::json_out::JsonOut;
use crate::names::{self, Unique};
use crate::{ConvertError, Notes};

/// The format.
#[derive(Debug)]
pub(crate) struct Coco;

impl Reader for Coco {
    fn read(
        &self,
        input: &Path,
        options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        let file = CocoFile::read(input)?;
        file.check_mask_sizes()?;
        file.notes.iter().for_each(|note| notes.say(note.text.as_str()));
        if file.images.values().any(|image| image.video_id.is_some()) {
            notes.say(
                "images are frames of videos: read the file with --from cocovid to keep the videos",
            );
        }
        let mut unique = Unique::default();
        let mut videos = BTreeMap::new();
        for (&id, image) in &file.images {
            let size = image_size(&file, image, options)?;
            let file_names = image.file_name.as_ref().map(|name| vec![name.to_string()]);
            let name = unique.take(names::of_image(image.file_name.as_deref(), id));
            videos.insert(id, Video { id, name, size, length: 1, file_names, tracks: Vec::new() });
        }
        let categories = categories(&file);
        for (entry, id) in file.annotations.into_iter().zip(1..) {
            let Some(video) = videos.get_mut(&entry.image_id) else { continue };
            let id = if entry.id == 0 { id } else { entry.id };
            let ObjectEntry { category_id, is_crowd, is_ignored, is_occluded, .. } = entry;
            let Some(shape) = shape(entry, notes) else { continue };
            let occlusion = is_occluded.map(Occlusion::from_mark);
            video.tracks.push(Track {
                id,
                category_id,
                is_crowd,
                is_ignored,
                shapes: Shapes::from(vec![Some(shape)]),
                occlusion: occlusion.map(Some).into_iter().collect(),
            });
        }
        Ok(Dataset { categories, videos: videos.into_values().collect() })
    }
}

/// Returns the classes of a file.
pub(crate) fn categories(file: &CocoFile) -> Vec<Category> {
    let categories = file.categories.by_id.values();
    categories.map(|found| Category { id: found.id, name: found.name.clone() }).collect()
}

/// Finds the size of an image: in the file, otherwise that of the picture.
pub(crate) fn image_size(
    file: &CocoFile,
    image: &Image,
    options: &ReadOptions,
) -> Result<ImageSize, ConvertError> {
    if let Some(size) = image.size {
        return Ok(size);
    }
    let beside = file.path.parent().unwrap_or(Path::new(""));
    let folder = options.images.as_deref().unwrap_or(beside);
    let picture: Option<PathBuf> = image.file_name.as_ref().map(|name| folder.join(&**name));
    options.size_of((&file.path, &file.image_place(image)), picture.as_slice())
}

/// Takes the shape of an object: its mask, otherwise its box.
pub(crate) fn shape(entry: ObjectEntry, notes: &mut Notes) -> Option<Shape> {
    let bounds = match entry.bbox {
        BoxField::Given(bounds) if bounds.width >= 0.0 && bounds.height >= 0.0 => Some(bounds),
        _ => None,
    };
    let shape = Shape::from_mask(entry.mask, bounds);
    if shape.is_none() {
        notes.count("objects have neither a mask nor a box and are left out", || {
            entry.place.to_string()
        });
    }
    shape
}

/// An image or object that does not fit what was read before it.
pub(crate) fn wrong(file: &CocoFile, place: &str, fault: Fault) -> ConvertError {
    ConvertError::wrong(&file.path, place, fault)
}

/// Writes the mask, box and area of a shape; polygons stay polygons.
pub(crate) fn shape_fields(entry: &mut Value, shape: &Shape, size: ImageSize) {
    let BoxXywh { x, y, width, height } = shape.bounding_box();
    entry["bbox"] = json!([x, y, width, height]);
    entry["area"] = match shape.draw(size) {
        Some(mask) => json!(mask.area()),
        None => json!(width * height),
    };
    match shape {
        Shape::Mask(mask) => entry["segmentation"] = json!(mask),
        Shape::Polygons(polygons) => {
            let lists = polygons.iter().map(|polygon| polygon.vertices().as_flattened());
            entry["segmentation"] = json!(lists.collect::<Vec<_>>());
        }
        Shape::Box(_) => {}
    }
}

/// Writes the classes.
pub(crate) fn write_categories(dataset: &Dataset, out: &mut JsonOut<'_>) -> std::io::Result<()> {
    out.begin_list("categories")?;
    for category in &dataset.categories {
        out.element(&json!({"id": category.id, "name": category.name}))?;
    }
    out.end_list()
}

impl FileWriter for Coco {
    fn write(
        &self,
        dataset: &Dataset,
        file: &mut File,
        notes: &mut Notes,
    ) -> Result<(), ConvertError> {
        let is_images = dataset.has_images_only();
        if !is_images {
            notes.say("COCO has single images: every frame is one, and objects are no longer followed from frame to frame");
        }
        let distinct: std::collections::BTreeSet<i64> = dataset
            .videos
            .iter()
            .flat_map(|video| video.tracks.iter().map(|track| track.id))
            .collect();
        let keeps_ids = is_images && distinct.len() == dataset.num_tracks();
        let mut out = JsonOut::new(file)?;
        write_categories(dataset, &mut out)?;
        let mut next_image = 1..;
        let first_images: Vec<i64> = dataset
            .videos
            .iter()
            .map(|video| {
                if is_images {
                    video.id
                } else {
                    next_image.by_ref().take(video.length).min().unwrap_or(0)
                }
            })
            .collect();
        out.begin_list("images")?;
        for (video, first) in dataset.videos.iter().zip(&first_images) {
            for frame in 0..video.length {
                out.element(&json!({
                    "id": first + frame as i64,
                    "file_name": video.frame_name(frame),
                    "height": video.size.height,
                    "width": video.size.width,
                }))?;
            }
        }
        out.end_list()?;
        out.begin_list("annotations")?;
        let mut next_id = 1..;
        for (video, first) in dataset.videos.iter().zip(&first_images) {
            for_each_frame(video, |frame, seen| {
                for (track, shape) in seen {
                    let id = next_id.next().unwrap_or_default();
                    let mut entry = json!({
                        "id": if keeps_ids { track.id } else { id },
                        "image_id": first + frame as i64,
                        "category_id": track.category_id,
                        "iscrowd": u8::from(track.is_crowd),
                    });
                    marks(&mut entry, track, frame);
                    shape_fields(&mut entry, shape, video.size);
                    out.element(&entry)?;
                }
                Ok(())
            })?;
        }
        out.end_list()?;
        Ok(out.finish()?)
    }
}

/// Writes the marks that only some objects have.
pub(crate) fn marks(entry: &mut Value, track: &Track, frame: usize) {
    if track.is_ignored {
        entry["ignore"] = json!(1);
    }
    if let Some(Some(hidden)) = track.occlusion.get(frame) {
        entry["occluded"] = json!(hidden.is_occluded());
    }
}

#[cfg(test)]
mod tests;
