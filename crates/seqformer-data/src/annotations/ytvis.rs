//! YouTube-VIS files as records for training and testing.

use std::path::Path;

use seqformer_annotations::{AnnotationError, BoxField, Fault, Mask, TrackEntry, Video, YtvisFile};

use super::{AnnotatedVideos, notes_of, to_segmentation};
use crate::{Categories, DataError, FrameAnnotation, TrackAnnotation, VideoRecord};

/// Reads a YouTube-VIS file whose `file_names` are relative to `image_root`.
///
/// `annotations` may be absent, null or empty, as in validation and test files.
///
/// # Errors
///
/// A file that cannot be read, and any invalid entry: the message names file, entry and field, what
/// was expected and found, and how to fix it.
pub fn read_ytvis(json: &Path, image_root: &Path) -> Result<AnnotatedVideos, DataError> {
    let file = YtvisFile::read(json)?;
    file.check_mask_sizes()?;
    let categories = Categories::of_list(&file.categories);
    let mut notes = notes_of(&file.notes);
    if !categories.ids().iter().copied().eq(1..=categories.len() as u64) {
        notes.push("category ids are not 1, 2, 3, …: they are numbered in their order".to_owned());
    }
    let mut videos = std::collections::BTreeMap::new();
    for video in file.videos.values() {
        let mut record = record(video, image_root)
            .map_err(|fault| AnnotationError::wrong(json, file.video_place(video), fault))?;
        record.exhaustive = categories.contiguous_list(video.exhaustive.as_deref());
        videos.insert(video.id, record);
    }
    let YtvisFile { annotations, video_ids, categories: category_list, .. } = file;
    for track in annotations {
        if let Some(video) = videos.get_mut(&track.video_id) {
            let length = video.frames.len();
            video.tracks.push(annotation(track, length, &categories));
        }
    }
    Ok(AnnotatedVideos {
        path: json.to_owned(),
        categories,
        videos: videos.into_values().collect(),
        notes,
        video_ids,
        category_ids: category_list.ids,
    })
}

fn record(video: &Video, image_root: &Path) -> Result<VideoRecord, Fault> {
    let expected = format!("the names of {} frames or more", video.length.max(1));
    let mend = "name the image file of every frame, and set length to their number";
    let wrong = |found: String| Fault::new("file_names", expected.as_str(), found, mend);
    let names = video.file_names.as_ref().ok_or_else(|| wrong("no such field".to_owned()))?;
    let used = names.get(..video.length).filter(|used| !used.is_empty());
    let used = used.ok_or_else(|| wrong(format!("{} names", names.len())))?;
    Ok(VideoRecord {
        id: video.id as u64,
        frames: used.iter().map(|name| image_root.join(&**name)).collect(),
        size: video.size,
        tracks: Vec::new(),
        exhaustive: None,
    })
}

fn annotation(track: TrackEntry, length: usize, categories: &Categories) -> TrackAnnotation {
    let TrackEntry { id, category_id, is_crowd, masks, boxes, .. } = track;
    // In files with boxes, an object is visible only where it has both a box and a segmentation.
    let is_boxed = |frame: usize| {
        let bbox = boxes.as_ref().and_then(|boxes| boxes.get(frame));
        bbox.is_none_or(|bbox| *bbox != BoxField::Absent)
    };
    let mut frames = Vec::with_capacity(length);
    for (frame, mask) in masks.into_masks().into_iter().take(length).enumerate() {
        let mask = if is_boxed(frame) { mask } else { Mask::Absent };
        frames.push(to_segmentation(mask).map(|segmentation| FrameAnnotation { segmentation }));
    }
    TrackAnnotation {
        id: id as u64,
        category: categories.contiguous(category_id as u64).unwrap_or_default(),
        is_crowd,
        frames,
    }
}
