//! COCO instance files as records for training and testing; every image becomes a video of one
//! frame.

use std::collections::BTreeMap;
use std::path::Path;

use seqformer_annotations::{AnnotationError, CocoFile, Fault, Image, ObjectEntry};

use super::{AnnotatedVideos, notes_of, to_segmentation};
use crate::{Categories, DataError, FrameAnnotation, TrackAnnotation, VideoRecord};

/// Reads a COCO instances file whose `file_name`s are relative to `image_root`.
///
/// # Errors
///
/// As [`read_ytvis`](super::read_ytvis).
pub fn read_coco(json: &Path, image_root: &Path) -> Result<AnnotatedVideos, DataError> {
    let file = CocoFile::read(json)?;
    file.check_mask_sizes()?;
    let categories = Categories::of_list(&file.categories);
    let mut notes = notes_of(&file.notes);
    let mut images = BTreeMap::new();
    for image in file.images.values() {
        let mut record = record(image, image_root)
            .map_err(|fault| AnnotationError::wrong(json, file.image_place(image), fault))?;
        record.exhaustive = categories.contiguous_list(image.exhaustive.as_deref());
        images.insert(image.id, record);
    }
    let CocoFile { annotations, image_ids, categories: category_list, .. } = file;
    let mut skipped = 0;
    for object in annotations {
        let ObjectEntry { id, image_id, category_id, is_crowd, mask, .. } = object;
        let Some(segmentation) = to_segmentation(mask) else {
            skipped += 1;
            continue;
        };
        if let Some(image) = images.get_mut(&image_id) {
            image.tracks.push(TrackAnnotation {
                id: id as u64,
                category: categories.contiguous(category_id as u64).unwrap_or_default(),
                is_crowd,
                frames: vec![Some(FrameAnnotation { segmentation })],
            });
        }
    }
    if skipped > 0 {
        notes.push(format!("{skipped} objects without a usable segmentation are skipped"));
    }
    Ok(AnnotatedVideos {
        path: json.to_owned(),
        categories,
        videos: images.into_values().collect(),
        notes,
        video_ids: image_ids,
        category_ids: category_list.ids,
    })
}

fn record(image: &Image, image_root: &Path) -> Result<VideoRecord, Fault> {
    let missing = |field: &str, expected: &str, mend: &str| {
        Fault::new(field, expected, "no such field", mend)
    };
    let name = image.file_name.as_ref().ok_or_else(|| {
        missing("file_name", "a text", "name the image file, relative to the image folder")
    })?;
    let size = image.size.ok_or_else(|| {
        let mend = "write the height and width of the image file";
        missing("height, width", "a number of pixels of 1 or more", mend)
    })?;
    let frames = vec![image_root.join(&**name)];
    Ok(VideoRecord { id: image.id as u64, frames, size, tracks: Vec::new(), exhaustive: None })
}
