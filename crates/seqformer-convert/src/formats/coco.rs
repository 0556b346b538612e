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
            let exhaustive = image.exhaustive.as_deref().map(<[i64]>::to_vec);
            videos.insert(
                id,
                Video { id, name, size, length: 1, file_names, tracks: Vec::new(), exhaustive },
            );
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
                score: None,
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
                let mut entry = json!({
                    "id": first + frame as i64,
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
    if let Some(score) = track.score {
        entry["score"] = json!(score);
    }
    if let Some(Some(hidden)) = track.occlusion.get(frame) {
        entry["occluded"] = json!(hidden.is_occluded());
    }
}

#[cfg(test)]
mod tests {
    //! COCO: images of their own, boxes, polygons, sizes from pictures.

    use serde_json::{Value, json};
    use tempfile::tempdir;

    use crate::testing::read;
    use crate::{Conversion, Format, Shape, convert};

    fn image_file() -> Value {
        json!({
            "images": [{"id": 9, "file_name": "street/9.jpg", "height": 8, "width": 6},
                       {"id": 11, "file_name": "street/11.jpg", "height": 4, "width": 6}],
            "categories": [{"id": 18, "name": "dog"}],
            "annotations": [
                {"id": 41, "image_id": 9, "category_id": 18, "bbox": [0, 0, 3, 3], "iscrowd": 0,
                 "segmentation": [[0, 0, 3, 0, 3, 3, 0, 3], [4, 4, 6, 4, 6, 6, 4, 6]], "ignore": 1},
                {"id": 42, "image_id": 11, "category_id": 18, "bbox": [1, 1, 2, 3]}]
        })
    }

    #[test]
    fn ids_polygons_and_boxes_stay_what_they_are() {
        let folder = tempdir().unwrap();
        let [input, output, third] =
            ["in.json", "out.json", "vis.json"].map(|name| folder.path().join(name));
        std::fs::write(&input, image_file().to_string()).unwrap();
        let done = convert(&Conversion::new(&input, Format::Coco, &output)).unwrap();
        assert!(done.notes.is_empty() && done.from == Format::Coco, "{:?}", done.notes);
        let written: Value = serde_json::from_slice(&std::fs::read(&output).unwrap()).unwrap();
        let first = image_file();
        assert_eq!(written["images"], first["images"]);
        let polygons = &written["annotations"][0]["segmentation"];
        assert_eq!(polygons[1], json!([4.0, 4.0, 6.0, 4.0, 6.0, 6.0, 4.0, 6.0]));
        assert_eq!(written["annotations"][0]["area"], json!(9 + 4));
        assert_eq!(
            (&written["annotations"][0]["ignore"], &written["annotations"][1]["id"]),
            (&json!(1), &json!(42))
        );

        let mut to_videos = Conversion::new(&input, Format::Ytvis, &third);
        let notes: Vec<String> = convert(&to_videos).unwrap().notes.lines().collect();
        assert!(
            notes.iter().any(|note| note.starts_with("1 boxes without a mask are left out")),
            "{notes:?}"
        );
        let videos = read(&third, Format::Ytvis);
        assert_eq!((videos.videos.len(), videos.num_tracks()), (2, 1));
        to_videos.boxes_as_masks = true;
        to_videos.overwrite = true;
        convert(&to_videos).unwrap();
        let track = &read(&third, Format::Ytvis).videos[1].tracks[0];
        let Some(Some(shape)) =
            track.shapes.frames().next().map(|shape| shape.map(std::borrow::Cow::into_owned))
        else {
            panic!()
        };
        assert!(matches!(&shape, Shape::Mask(mask) if mask.area() == 6), "{shape:?}");
    }

    #[test]
    fn sizes_come_from_pictures_or_from_the_user() {
        let folder = tempdir().unwrap();
        let [input, output] = ["in.json", "out.json"].map(|name| folder.path().join(name));
        let mut file = image_file();
        for image in file["images"].as_array_mut().unwrap() {
            image.as_object_mut().unwrap().retain(|key, _| key != "height" && key != "width");
        }
        std::fs::write(&input, file.to_string()).unwrap();
        let mut conversion = Conversion::new(&input, Format::Coco, &output);
        let said = convert(&conversion).unwrap_err().to_string();
        assert!(said.contains("images[0] (id 9)") && said.contains("--size"), "{said}");
        conversion.options.size = Some(seqformer_masks::ImageSize { height: 8, width: 7 });
        convert(&conversion).unwrap();
        assert_eq!(read(&output, Format::Coco).videos[0].size.width, 7);
    }
}
