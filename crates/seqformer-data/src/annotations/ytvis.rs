//! YouTube-VIS files: 2019, 2021, 2022 and OVIS.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::value::RawValue;

use super::document::{self, Document};
use super::entry::{Entry, describe, is_absent};
use super::segmentation::{self, Found};
use super::{AnnotatedVideos, Categories};
use crate::{DataError, FrameAnnotation, TrackAnnotation, VideoRecord};

/// Reads a YouTube-VIS file whose `file_names` are relative to `image_root`.
///
/// `annotations` may be absent, null or empty, as in validation and test files.
///
/// # Errors
///
/// A file that cannot be read, and any entry that is not as it should be: the message names file,
/// video, annotation and field, what was expected and found, and how to mend it.
pub fn read_ytvis(json: &Path, image_root: &Path) -> Result<AnnotatedVideos, DataError> {
    let text = document::read_text(json)?;
    let document = Document::parse(json, &text)?;
    let categories = Categories::read(json, &document)?;
    let mut videos = read_videos(json, image_root, &document)?;
    let mut no_valid_polygon = 0;
    let mut ids = BTreeMap::new();
    for (index, raw) in document.annotations.iter().flatten().enumerate() {
        let entry = Entry::parse(json, raw, "annotation", index)?;
        let (video_id, track, skipped) = read_track(&entry, &categories, &videos)?;
        if ids.insert(track.id, index).is_some() {
            return Err(entry.duplicate_id());
        }
        no_valid_polygon += skipped;
        if let Some(video) = videos.get_mut(&video_id) {
            video.tracks.push(track);
        }
    }
    let mut notes = Vec::new();
    if no_valid_polygon > 0 {
        notes.push(format!(
            "{no_valid_polygon} segmentations without a polygon of three points or more are skipped"
        ));
    }
    if !categories.ids().iter().copied().eq(1..=categories.len() as u64) {
        notes.push("category ids are not 1, 2, 3, …: they are numbered in their order".to_owned());
    }
    let videos = videos.into_values().collect();
    Ok(AnnotatedVideos { path: json.to_owned(), categories, videos, notes })
}

fn read_videos(
    json: &Path,
    image_root: &Path,
    document: &Document<'_>,
) -> Result<BTreeMap<u64, VideoRecord>, DataError> {
    let Some(raws) = &document.videos else {
        let is_coco = document.images.is_some();
        return Err(missing_list(json, "videos", is_coco.then_some("COCO")));
    };
    let mut videos = BTreeMap::new();
    for (index, raw) in raws.iter().enumerate() {
        let (entry, video) = read_video(json, image_root, raw, index)?;
        if videos.insert(video.id, video).is_some() {
            return Err(entry.duplicate_id());
        }
    }
    Ok(videos)
}

/// Says that the list the file is about is missing, and whether the file is of the other kind.
pub(super) fn missing_list(json: &Path, list: &str, other_kind: Option<&str>) -> DataError {
    let found = other_kind.map_or("nothing".to_owned(), |kind| format!("a {kind} file"));
    let mend = match other_kind {
        Some(kind) => format!("declare the dataset as one of type {}", kind.to_lowercase()),
        None => "use the annotation file of a dataset".to_owned(),
    };
    DataError::Annotation(Box::new(crate::AnnotationError {
        path: json.to_owned(),
        place: "the whole file".to_owned(),
        field: list.to_owned(),
        expected: "a list".to_owned(),
        found,
        mend,
    }))
}

fn read_video<'a>(
    json: &'a Path,
    image_root: &Path,
    raw: &RawValue,
    index: usize,
) -> Result<(Entry<'a>, VideoRecord), DataError> {
    let entry = Entry::parse(json, raw, "video", index)?;
    let names = entry.list("file_names")?;
    let length = match entry.optional("length") {
        Some(_) => entry.number("length")? as usize,
        None => names.len(),
    };
    if names.len() < length || length == 0 {
        let expected = format!("the names of {} frames or more", length.max(1));
        let mend = "name the image file of every frame, and set length to their number";
        return Err(entry.error("file_names", &expected, &names.len().to_string(), mend));
    }
    let mut frames = Vec::with_capacity(length);
    for (frame, name) in names[..length].iter().enumerate() {
        let field = format!("file_names[{frame}]");
        let wrong = || entry.error(&field, "a text", &describe(name), "write it in quotes");
        frames.push(image_root.join(name.as_str().ok_or_else(wrong)?));
    }
    let record =
        VideoRecord { id: entry.number("id")?, frames, size: entry.size()?, tracks: Vec::new() };
    Ok((entry, record))
}

/// Returns the video's id, the track, and the number of segmentations without a valid polygon.
fn read_track(
    entry: &Entry<'_>,
    categories: &Categories,
    videos: &BTreeMap<u64, VideoRecord>,
) -> Result<(u64, TrackAnnotation, usize), DataError> {
    let id = entry.number("id")?;
    let video_id = entry.number("video_id")?;
    let video = videos.get(&video_id).ok_or_else(|| {
        let mend = "add the video or remove the annotation";
        entry.error("video_id", "the id of a video of the file", &video_id.to_string(), mend)
    })?;
    let category = read_category(entry, categories)?;
    let length = video.frames.len();
    let segmentations = entry.per_frame("segmentations", length)?;
    let bboxes = entry.per_frame("bboxes", length)?;
    let mut frames = Vec::with_capacity(length);
    let mut skipped = 0;
    for (frame, (segmentation, bbox)) in segmentations.iter().zip(bboxes).enumerate() {
        // Seen only where there is both a box and a segmentation.
        let bbox = entry.bbox(&format!("bboxes[{frame}]"), bbox)?;
        let Some(bbox) = bbox.filter(|_| !is_absent(segmentation)) else {
            frames.push(None);
            continue;
        };
        let field = format!("segmentations[{frame}]");
        frames.push(match segmentation::read(entry, &field, segmentation, video.size)? {
            Found::Valid(segmentation) => Some(FrameAnnotation { bbox, segmentation }),
            Found::Absent => None,
            Found::NoValidPolygon => {
                skipped += 1;
                None
            }
        });
    }
    let track = TrackAnnotation { id, category, is_crowd: entry.is_crowd()?, frames };
    Ok((video_id, track, skipped))
}

/// Reads `category_id` as a contiguous category.
pub(super) fn read_category(
    entry: &Entry<'_>,
    categories: &Categories,
) -> Result<usize, DataError> {
    let category_id = entry.number("category_id")?;
    categories.contiguous(category_id).ok_or_else(|| {
        let expected = "the id of a category of the file";
        let mend = "add the category or correct the id";
        entry.error("category_id", expected, &category_id.to_string(), mend)
    })
}
