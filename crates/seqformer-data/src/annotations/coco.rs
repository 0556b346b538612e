//! COCO instance files; every image becomes a video of one frame.

use std::collections::BTreeMap;
use std::path::Path;

use super::document::{self, Document};
use super::entry::{Entry, is_absent};
use super::segmentation::{self, Found};
use super::ytvis::{missing_list, read_category};
use super::{AnnotatedVideos, Categories};
use crate::{DataError, FrameAnnotation, TrackAnnotation, VideoRecord};

/// Reads a COCO instances file whose `file_name`s are relative to `image_root`.
///
/// # Errors
///
/// As [`read_ytvis`](super::read_ytvis).
pub fn read_coco(json: &Path, image_root: &Path) -> Result<AnnotatedVideos, DataError> {
    let text = document::read_text(json)?;
    let document = Document::parse(json, &text)?;
    let categories = Categories::read(json, &document)?;
    let mut images = read_images(json, image_root, &document)?;
    let mut skipped = 0;
    let mut ids = BTreeMap::new();
    for (index, raw) in document.annotations.iter().flatten().enumerate() {
        let entry = Entry::parse(json, raw, "annotation", index)?;
        let id = entry.number("id")?;
        if ids.insert(id, index).is_some() {
            return Err(entry.duplicate_id());
        }
        let image_id = entry.number("image_id")?;
        let image = images.get_mut(&image_id).ok_or_else(|| {
            let mend = "add the image or remove the annotation";
            entry.error("image_id", "the id of an image of the file", &image_id.to_string(), mend)
        })?;
        match read_object(&entry, &categories, image)? {
            Some(track) => image.tracks.push(TrackAnnotation { id, ..track }),
            None => skipped += 1,
        }
    }
    let mut notes = Vec::new();
    if skipped > 0 {
        notes.push(format!("{skipped} objects without a box or a valid segmentation are skipped"));
    }
    let videos = images.into_values().collect();
    Ok(AnnotatedVideos { path: json.to_owned(), categories, videos, notes })
}

fn read_images(
    json: &Path,
    image_root: &Path,
    document: &Document<'_>,
) -> Result<BTreeMap<u64, VideoRecord>, DataError> {
    let Some(raws) = &document.images else {
        let is_ytvis = document.videos.is_some();
        return Err(missing_list(json, "images", is_ytvis.then_some("YTVIS")));
    };
    let mut images = BTreeMap::new();
    for (index, raw) in raws.iter().enumerate() {
        let entry = Entry::parse(json, raw, "image", index)?;
        let id = entry.number("id")?;
        let frames = vec![image_root.join(entry.text("file_name")?)];
        let record = VideoRecord { id, frames, size: entry.size()?, tracks: Vec::new() };
        if images.insert(id, record).is_some() {
            return Err(entry.duplicate_id());
        }
    }
    Ok(images)
}

/// Reads an object except for its id; nothing if it has no box or no valid segmentation.
fn read_object(
    entry: &Entry<'_>,
    categories: &Categories,
    image: &VideoRecord,
) -> Result<Option<TrackAnnotation>, DataError> {
    let category = read_category(entry, categories)?;
    let is_crowd = entry.is_crowd()?;
    let (Some(bbox), Some(segmentation)) = (entry.optional("bbox"), entry.optional("segmentation"))
    else {
        return Ok(None);
    };
    let bbox = entry.bbox("bbox", bbox)?.filter(|_| !is_absent(segmentation));
    let Some(bbox) = bbox else { return Ok(None) };
    let found = segmentation::read(entry, "segmentation", segmentation, image.size)?;
    let Found::Valid(segmentation) = found else { return Ok(None) };
    let frames = vec![Some(FrameAnnotation { bbox, segmentation })];
    Ok(Some(TrackAnnotation { id: 0, category, is_crowd, frames }))
}
