//! YouTube-VIS files: 2019, 2021, 2022 and OVIS.
//!
//! Reference: YouTube-VIS `cocoapi`, `YTVOS.createIndex` and `YTVOS.annToRLE`; VNext
//! `data/datasets/ytvis.py`, `load_ytvis_json`.

mod compressed_track;
mod raw_track;
mod track_masks;
mod video;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use compressed_track::CompressedTrack;
use raw_track::RawTrack;
use seqformer_masks::ImageSize;
pub use track_masks::TrackMasks;
pub use video::Video;
use video::parse_video;

use crate::entry::BoxField;
use crate::exhaustive::LabelLists;
use crate::json::JsonFile;
use crate::list::{
    CategoryList, LeftOut, annotation_ids, by_id, find, missing_list, of_other_kind, read_list,
    skip,
};
use crate::mask::other_size;
use crate::note::{Note, Subject};
use crate::{AnnotationError, Fault, Id, Ids};

/// The content of a YouTube-VIS file, checked.
#[derive(Debug, Clone)]
pub struct YtvisFile {
    /// The file.
    pub path: PathBuf,
    /// The videos by id.
    pub videos: BTreeMap<i64, Video>,
    /// How the ids of videos map to numbers.
    pub video_ids: Ids,
    /// The categories.
    pub categories: CategoryList,
    /// The annotations in the order of the file.
    pub annotations: Vec<TrackEntry>,
    /// Notes for the user.
    pub notes: Vec<Note>,
}

/// One annotated object in all frames of its video.
#[derive(Debug, Clone)]
pub struct TrackEntry {
    /// The number of the annotation, 0 only if the file says 0.
    pub id: i64,
    /// The video that it is part of.
    pub video_id: i64,
    /// The class of the object.
    pub category_id: i64,
    /// Whether it stands for a group of objects.
    pub is_crowd: bool,
    /// One entry per frame of the video, or more.
    pub masks: TrackMasks,
    /// The boxes, if the file has any.
    pub boxes: Option<Box<[BoxField]>>,
    /// The areas in the file, without null; `None` if there are no usable ones.
    pub areas: Option<Box<[f64]>>,
    /// Whether evaluation ignores it (`ignore`).
    pub is_ignored: bool,
    /// How far it is hidden in each frame, in OVIS's terms, if the file has this.
    pub occlusion: Option<Box<[Option<Box<str>>]>>,
    /// Its name in messages.
    pub place: Box<str>,
}

impl YtvisFile {
    /// Reads and checks a file with `videos`, `categories` and `annotations`.
    ///
    /// `annotations` may be missing, null or empty, as in the files of the validation splits.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, and any invalid entry: the message names the file, the entry and
    /// the field, what was expected and found, and how to fix it.
    pub fn read(path: &Path) -> Result<Self, AnnotationError> {
        Self::read_lists(path, RawTrack::parse)
            .map_err(|error| of_other_kind(path, ["videos", "images"], error))
    }

    /// Reads and checks a file as [`YtvisFile::read`] does, and leaves out boxes and areas; masks are kept as text, in
    /// about half the memory.
    ///
    /// # Errors
    ///
    /// Those of [`YtvisFile::read`].
    pub fn read_compact(path: &Path) -> Result<Self, AnnotationError> {
        Self::read_lists(path, RawTrack::parse_compact)
            .map_err(|error| of_other_kind(path, ["videos", "images"], error))
    }

    fn read_lists(
        path: &Path,
        parse: fn(&[u8]) -> Result<RawTrack, Fault>,
    ) -> Result<Self, AnnotationError> {
        let mut file = JsonFile::open(path)?;
        let (mut videos, mut categories) = (None, CategoryList::default());
        let mut annotations = Vec::new();
        file.for_each_key(|file, key| {
            match key {
                "videos" => videos = Some(read_list(file, key, parse_video)?),
                "categories" if !file.skip_null()? => categories = CategoryList::read(file)?,
                "annotations" if !file.skip_null()? => {
                    annotations = read_list(file, key, parse)?;
                }
                "categories" | "annotations" => {}
                _ => skip(file)?,
            }
            Ok(())
        })?;
        file.finish()?;
        let parsed = videos.ok_or_else(|| missing_list(path, "videos", false))?;
        let (mut videos, mut lists) = (Vec::with_capacity(parsed.len()), Vec::new());
        for (index, (id, video, label_lists)) in parsed.into_iter().enumerate() {
            videos.push((id, Video { index, ..video }));
            lists.push(label_lists);
        }
        let (mut videos, video_ids) = by_id(path, "videos", videos)?;
        for (&id, video) in &mut videos {
            video.id = id;
        }
        let mut read = Self {
            path: path.to_path_buf(),
            videos,
            video_ids,
            categories,
            annotations: Vec::with_capacity(annotations.len()),
            notes: Vec::new(),
        };
        read.add_annotations(annotations)?;
        read.add_exhaustive(&lists)?;
        Ok(read)
    }

    /// The name of a video in messages.
    pub fn video_place(&self, video: &Video) -> String {
        place(&self.video_ids, video)
    }

    /// Checks that the run lengths of every annotation have the size of their video.
    ///
    /// # Errors
    ///
    /// The first mask of another size.
    pub fn check_mask_sizes(&self) -> Result<(), AnnotationError> {
        for track in &self.annotations {
            if let Some(fault) = self.mask_of_other_size(track) {
                return Err(AnnotationError::wrong(&self.path, &*track.place, fault));
            }
        }
        Ok(())
    }

    /// Finds the first mask of an annotation that has another size than the video.
    pub fn mask_of_other_size(&self, track: &TrackEntry) -> Option<Fault> {
        let video = self.videos.get(&track.video_id)?;
        let sizes = track.masks.sizes().enumerate().take(video.length);
        let is_other =
            |&(_, size): &(usize, Option<ImageSize>)| size.is_some_and(|size| size != video.size);
        let (frame, size) = { sizes }.find(is_other)?;
        Some(other_size(video.size, size?).within(&format!("segmentations[{frame}]")))
    }

    fn add_exhaustive(&mut self, lists: &[LabelLists]) -> Result<(), AnnotationError> {
        let mut annotated: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for track in &self.annotations {
            annotated.entry(track.video_id).or_default().insert(track.category_id);
        }
        for (&id, video) in &mut self.videos {
            match lists[video.index].resolve(&self.categories, annotated.get(&id)) {
                Ok(exhaustive) => video.exhaustive = exhaustive,
                Err(fault) => {
                    let place = place(&self.video_ids, video);
                    return Err(AnnotationError::wrong(&self.path, place, fault));
                }
            }
        }
        Ok(())
    }

    fn add_annotations(&mut self, raws: Vec<RawTrack>) -> Result<(), AnnotationError> {
        let place = |(index, raw): (usize, &RawTrack)| {
            let RawTrack { id, video_id, .. } = raw;
            (id.clone(), format!("annotations[{index}] (id {id}, video {video_id})"))
        };
        let places: Vec<(Id, String)> = raws.iter().enumerate().map(place).collect();
        let ids = annotation_ids(&self.path, &places)?;
        let mut left_out = LeftOut::default();
        let mut num_objects = 0;
        for (raw, (id, (_, place))) in raws.into_iter().zip(ids.into_iter().zip(places)) {
            let wrong = |fault| AnnotationError::wrong(&self.path, place.as_str(), fault);
            let (video_id, video) =
                find((&self.video_ids, &self.videos), ("video_id", "video"), &raw.video_id)
                    .map_err(wrong)?;
            let category_id = self.categories.find(&raw.category_id).map_err(wrong)?;
            let found = raw.masks.len();
            if found < video.length {
                let expected =
                    format!("an entry for each of the {} frames of the video", video.length);
                let mend = "write null where the object is not visible";
                let found = format!("{found} entries");
                return Err(wrong(Fault::new("segmentations", expected, found, mend)));
            }
            left_out.long_lists.add(usize::from(found > video.length), || place.clone());
            raw.count_into(&mut left_out, &place);
            if raw.masks.is_unusable() {
                num_objects += 1;
                continue;
            }
            let RawTrack { is_crowd, is_ignored, masks, boxes, areas, occlusion, .. } = raw;
            let place = place.into_boxed_str();
            self.annotations.push(TrackEntry {
                id,
                video_id,
                category_id,
                is_crowd,
                masks,
                boxes,
                areas,
                is_ignored,
                occlusion,
                place,
            });
        }
        left_out.notes(&mut self.notes);
        if num_objects > 0 {
            let text = format!("{num_objects} objects have no other segmentation and are skipped");
            self.notes.push(Note { subject: Subject::Objects, text });
        }
        self.categories.note(&mut self.notes);
        Ok(())
    }
}

fn place(ids: &Ids, video: &Video) -> String {
    format!("videos[{}] (id {})", video.index, ids.id(video.id))
}

#[cfg(test)]
mod tests;
