//! What is to be found: videos, categories and annotated tracks of a YouTube-VIS style file.
//!
//! Reference: `cocoapi` of YouTube-VIS, `YTVOS.createIndex` and `YTVOS.annToRLE`.

mod raw;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use seqformer_masks::{ImageSize, MaskError, PackedTrack, Rle};

use self::raw::{RawAnnotation, RawMask, RawVideo, Segmentations};
use crate::EvaluationError;
use crate::json::{JsonFile, find_id, parse_element};
use crate::track::average_area;

pub(crate) use self::raw::{Flag, RawCategory};

/// A video of the dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Video {
    /// The number by which annotations and results name it.
    pub id: i64,
    /// Height and width of its frames.
    pub size: ImageSize,
    /// How many frames it has.
    pub length: usize,
}

/// A class of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// The number by which annotations and results name it.
    pub id: i64,
    /// Its name.
    pub name: String,
}

/// One annotated object over all frames of its video.
#[derive(Debug, Clone)]
pub struct TruthTrack {
    /// The number of the annotation.
    pub id: i64,
    /// The video that it is part of.
    pub video_id: i64,
    /// The class of the object.
    pub category_id: i64,
    /// Whether it stands for a group of objects, which counts neither for nor against results.
    pub is_crowd: bool,
    /// Mean area of the frames with an area, from the file where the file has areas.
    pub average_area: f64,
    pub(crate) masks: PackedTrack,
}

/// Videos and categories by id, and all annotations in the order of the file.
#[derive(Debug, Clone)]
pub struct GroundTruth {
    path: PathBuf,
    videos: BTreeMap<i64, Video>,
    categories: BTreeMap<i64, Category>,
    tracks: Vec<TruthTrack>,
}

/// The lists of a file as they are read; annotations may come before the videos they need.
#[derive(Debug, Default)]
struct Lists {
    videos: BTreeMap<i64, Video>,
    categories: BTreeMap<i64, Category>,
    annotations: Vec<RawAnnotation>,
    has_videos: bool,
    has_categories: bool,
}

impl GroundTruth {
    /// Reads a file with `videos`, `categories` and `annotations`.
    ///
    /// `annotations` may be missing, as in the files of the validation splits; then there is
    /// nothing to be found, but results can be checked. Areas that the file does not have are
    /// computed.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, and any entry that is wrong: a missing field, a number that is
    /// none, an id that is taken or points nowhere, a list of the wrong length, a damaged mask.
    /// The message names the file, the entry and the field.
    pub fn read(path: &Path) -> Result<Self, EvaluationError> {
        let mut lists = Lists::default();
        let mut file = JsonFile::open(path)?;
        file.for_each_key(|file, key| lists.read(file, key))?;
        file.finish()?;
        let Lists { videos, categories, annotations, has_videos, has_categories } = lists;
        for (key, is_there) in [("videos", has_videos), ("categories", has_categories)] {
            if !is_there {
                return Err(EvaluationError::MissingKey { path: path.to_path_buf(), key });
            }
        }
        let mut truth = Self { path: path.to_path_buf(), videos, categories, tracks: Vec::new() };
        let mut ids = HashSet::new();
        for (index, annotation) in annotations.into_iter().enumerate() {
            let id = annotation.id;
            let entry = || format!("annotations[{index}] (id {id})");
            if !ids.insert(id) {
                let message = format!("id: expected every id once, found {id} again");
                return Err(EvaluationError::entry(path, entry(), message));
            }
            let track = truth.track(annotation);
            let track = track.map_err(|what| EvaluationError::entry(path, entry(), what))?;
            truth.tracks.push(track);
        }
        if ids.contains(&0) {
            tracing::warn!(
                "{}: the annotation with id 0 never counts as found, as the official tool has it; \
                 count ids from 1",
                path.display()
            );
        }
        Ok(truth)
    }

    /// Returns the file that it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the videos, ordered by id.
    pub fn videos(&self) -> impl ExactSizeIterator<Item = &Video> {
        self.videos.values()
    }

    /// Returns the categories, ordered by id.
    pub fn categories(&self) -> impl ExactSizeIterator<Item = &Category> {
        self.categories.values()
    }

    /// Returns the annotated tracks in the order of the file.
    pub fn tracks(&self) -> &[TruthTrack] {
        &self.tracks
    }

    /// Returns the video with this id.
    pub fn video(&self, id: i64) -> Option<&Video> {
        self.videos.get(&id)
    }

    /// Returns the category with this id.
    pub fn category(&self, id: i64) -> Option<&Category> {
        self.categories.get(&id)
    }

    /// Returns the place of every video in the order of ids.
    pub(crate) fn video_indices(&self) -> HashMap<i64, usize> {
        self.videos.keys().enumerate().map(|(index, &id)| (id, index)).collect()
    }

    /// Returns the place of every category in the order of ids.
    pub(crate) fn category_indices(&self) -> HashMap<i64, usize> {
        self.categories.keys().enumerate().map(|(index, &id)| (id, index)).collect()
    }

    fn track(&self, annotation: RawAnnotation) -> Result<TruthTrack, String> {
        let RawAnnotation { id, video_id, category_id, iscrowd, segmentations, areas } = annotation;
        let video = self.videos.get(&video_id).ok_or_else(|| {
            format!("video_id: expected the id of a video of this file, found {video_id}")
        })?;
        if !self.categories.contains_key(&category_id) {
            return Err(format!(
                "category_id: expected the id of a category of this file, found {category_id}"
            ));
        }
        let check_length = |field: &str, found: usize| {
            if found == video.length {
                return Ok(());
            }
            let length = video.length;
            Err(format!(
                "{field}: expected one entry for each of the {length} frames of video {video_id}, \
                 found {found}"
            ))
        };
        check_length("segmentations", segmentations.len())?;
        if let Some(areas) = &areas {
            check_length("areas", areas.len())?;
        }
        let masks = segmentations.into_track(video.size)?;
        let average_area = match areas {
            Some(areas) => average_area(areas.into_iter().flatten()),
            None => average_area(masks.areas().flatten().map(|area| area as f64)),
        };
        Ok(TruthTrack { id, video_id, category_id, is_crowd: iscrowd.0, average_area, masks })
    }
}

impl Segmentations {
    fn len(&self) -> usize {
        match self {
            Self::Packed(track) => track.len(),
            Self::Raw(masks) => masks.len(),
        }
    }

    /// Draws polygons; the error names the frame.
    fn into_track(self, size: ImageSize) -> Result<PackedTrack, String> {
        let masks = match self {
            Self::Packed(track) => return Ok(track),
            Self::Raw(masks) => masks,
        };
        let mut track = PackedTrack::default();
        for (frame, mask) in masks.into_iter().enumerate() {
            mask.push_onto(&mut track, size)
                .map_err(|error| format!("segmentations[{frame}]: {error}"))?;
        }
        track.shrink_to_fit();
        Ok(track)
    }
}

impl RawMask {
    /// Appends the mask, drawn if it consists of polygons.
    fn push_onto(self, track: &mut PackedTrack, size: ImageSize) -> Result<(), MaskError> {
        match self {
            Self::Absent => track.push_absent(),
            Self::Packed(mask) => track.append(&mask),
            Self::Polygons(polygons) => {
                let parts: Vec<_> =
                    polygons.iter().map(|polygon| polygon.rasterize(size)).collect();
                track.push(&Rle::union(&parts)?);
            }
        }
        Ok(())
    }
}

impl Lists {
    fn read(&mut self, file: &mut JsonFile, key: &str) -> Result<(), EvaluationError> {
        match key {
            "videos" => {
                self.has_videos = true;
                let check = |text: &[u8]| parse_element(text).and_then(RawVideo::check);
                let videos: Vec<Video> = read_list(file, key, check)?;
                let by_id = videos.into_iter().map(|video| (video.id, video));
                collect(file.path(), key, by_id, &mut self.videos)
            }
            "categories" => {
                self.has_categories = true;
                let categories = read_list(file, key, |text| {
                    parse_element(text).map(|RawCategory { id, name }| Category { id, name })
                })?;
                let by_id = categories.into_iter().map(|category| (category.id, category));
                collect(file.path(), key, by_id, &mut self.categories)
            }
            "annotations" if file.skip_null()? => Ok(()),
            "annotations" => {
                self.annotations = read_list(file, key, RawAnnotation::parse)?;
                Ok(())
            }
            _ => file.read_value(&mut Vec::new()),
        }
    }
}

/// Reads a list; errors come with the place and id of the element.
pub(crate) fn read_list<T: Send>(
    file: &mut JsonFile,
    key: &str,
    parse: impl Fn(&[u8]) -> Result<T, String> + Sync,
) -> Result<Vec<T>, EvaluationError> {
    let path = file.path().to_path_buf();
    file.parse_list(|index, text| {
        parse(text).map_err(|message| {
            let id = find_id(text, "id").map(|id| format!(" (id {id})")).unwrap_or_default();
            EvaluationError::entry(&path, format!("{key}[{index}]{id}"), message)
        })
    })
}

/// Collects elements by their ids, which have to differ.
pub(crate) fn collect<T>(
    path: &Path,
    key: &str,
    elements: impl Iterator<Item = (i64, T)>,
    by_id: &mut BTreeMap<i64, T>,
) -> Result<(), EvaluationError> {
    for (index, (id, element)) in elements.enumerate() {
        if by_id.insert(id, element).is_some() {
            let entry = format!("{key}[{index}] (id {id})");
            let message = format!("id: expected every id once, found {id} again");
            return Err(EvaluationError::entry(path, entry, message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
