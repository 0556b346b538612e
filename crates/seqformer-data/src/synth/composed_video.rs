//! Composed videos as entries of an annotation file.

use seqformer_annotations::Id;
use seqformer_masks::{BitMask, ImageSize, Rle};
use serde_json::Value;

use super::writer::{
    Annotation, AnnotationFile, CategoryEntry, MaskEntry, TrackEntry, VideoEntry, bbox,
};

/// A video without the ids that depend on other videos.
pub(super) struct ComposedVideo {
    pub(super) size: ImageSize,
    pub(super) length: usize,
    pub(super) exhaustive_category_ids: Option<Vec<Value>>,
    pub(super) tracks: Vec<ComposedTrack>,
}

pub(super) struct ComposedTrack {
    pub(super) category_id: Value,
    pub(super) is_crowd: bool,
    pub(super) masks: Vec<Option<BoxedMask>>,
}

pub(super) struct BoxedMask {
    pub(super) bbox: [f64; 4],
    pub(super) area: u64,
    pub(super) mask: Rle,
}

impl BoxedMask {
    pub(super) fn new(mask: &BitMask) -> Option<Self> {
        Some(Self { bbox: bbox(mask)?, area: mask.area(), mask: Rle::encode(mask) })
    }
}

/// Numbers videos and objects; categories are pairs of an id and a name.
pub(super) fn annotation_file(
    categories: impl Iterator<Item = (Id, String)>,
    videos: Vec<ComposedVideo>,
) -> AnnotationFile {
    let category =
        |(id, name): (Id, String)| CategoryEntry { id: to_json(&id), name, supercategory: None };
    let mut file = AnnotationFile {
        categories: categories.map(category).collect(),
        ..AnnotationFile::default()
    };
    let mut entries = Vec::with_capacity(videos.len());
    for (index, video) in videos.into_iter().enumerate() {
        let (width, height) = (video.size.width, video.size.height);
        let (video_id, length) = (index + 1, video.length);
        let name = |frame: usize| format!("{}/{}", video_name(index), frame_name(frame));
        entries.push(VideoEntry {
            id: video_id,
            width,
            height,
            length,
            file_names: (0..length).map(name).collect(),
            exhaustive_category_ids: video.exhaustive_category_ids,
        });
        for track in video.tracks {
            let boxes = track.masks.iter().map(|mask| mask.as_ref().map(|mask| mask.bbox));
            let areas = track.masks.iter().map(|mask| mask.as_ref().map(|mask| mask.area));
            file.annotations.push(Annotation::Track(TrackEntry {
                id: file.annotations.len() + 1,
                video_id,
                category_id: track.category_id,
                iscrowd: u8::from(track.is_crowd),
                width,
                height,
                length,
                bboxes: boxes.collect(),
                areas: areas.collect(),
                segmentations: track
                    .masks
                    .into_iter()
                    .map(|mask| mask.map(|mask| MaskEntry::Compressed(mask.mask)))
                    .collect(),
            }));
        }
    }
    file.videos = Some(entries);
    file
}

/// The folder of a video; videos are numbered from 1.
pub(super) fn video_name(index: usize) -> String {
    format!("{:05}", index + 1)
}

pub(super) fn frame_name(frame: usize) -> String {
    format!("{frame:05}.jpg")
}

/// Writes an id as it was read.
pub(super) fn to_json(id: &Id) -> Value {
    match id {
        Id::Number(number) => Value::from(*number),
        Id::Text(text) => Value::from(&**text),
    }
}
