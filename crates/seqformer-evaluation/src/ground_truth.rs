//! Ground truth: videos, categories and annotated tracks of a file in YouTube-VIS's format.
//!
//! `seqformer-annotations` reads the file, as for training.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use seqformer_annotations::{
    AnnotationError, Category, CategoryList, Ids, Note, Subject, TrackEntry, Video, YtvisFile,
};
use seqformer_masks::PackedTrack;

use crate::EvaluationError;
use crate::track::average_area;

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
    /// Mean area over the frames with an area, from the file if it has areas.
    pub average_area: f64,
    pub(crate) masks: PackedTrack,
}

/// Videos and categories by id, and all annotations in the order of the file.
#[derive(Debug, Clone)]
pub struct GroundTruth {
    path: PathBuf,
    videos: BTreeMap<i64, Video>,
    video_ids: Ids,
    categories: CategoryList,
    tracks: Vec<TruthTrack>,
}

impl GroundTruth {
    /// Reads a file with `videos`, `categories` and `annotations`.
    ///
    /// `annotations` may be missing, as in the files of the validation splits; then there is
    /// nothing to be found, but results can be checked. Missing areas are computed. Warnings report
    /// what was dropped.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, and any invalid entry. The message names the file, the entry and
    /// the field.
    pub fn read(path: &Path) -> Result<Self, EvaluationError> {
        let file = YtvisFile::read(path)?;
        warn(path, &file.notes);
        let mut of_other_size = file
            .annotations
            .iter()
            .filter_map(|track| Some((track, file.mask_of_other_size(track)?)));
        if let Some((first, fault)) = of_other_size.next() {
            let count = 1 + of_other_size.count();
            tracing::warn!(
                "{}: {count} annotations have masks of another size than their video; as in the \
                 official tool, these are compared only with results of the same size; the first is {}: {fault}",
                path.display(),
                first.place,
            );
        }
        let YtvisFile { videos, video_ids, categories, annotations, .. } = file;
        let track = |track: TrackEntry| {
            let place = track.place.clone();
            let drawn = draw(track, &videos);
            drawn.map_err(|fault| AnnotationError::wrong(path, &*place, fault).into())
        };
        let tracks: Vec<Result<TruthTrack, EvaluationError>> =
            annotations.into_par_iter().map(track).collect();
        let tracks = tracks.into_iter().collect::<Result<Vec<_>, _>>()?;
        warn_of_id_0(path, tracks.iter().any(|track| track.id == 0));
        Ok(Self { path: path.to_path_buf(), videos, video_ids, categories, tracks })
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
        self.categories.by_id.values()
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
        self.categories.by_id.get(&id)
    }

    /// Returns how the ids of videos map to numbers.
    pub fn video_ids(&self) -> &Ids {
        &self.video_ids
    }

    /// Returns how the ids of categories map to numbers.
    pub fn category_ids(&self) -> &Ids {
        &self.categories.ids
    }

    /// Returns the index of every video in the order of ids.
    pub(crate) fn video_indices(&self) -> HashMap<i64, usize> {
        self.videos.keys().enumerate().map(|(index, &id)| (id, index)).collect()
    }

    /// Returns the index of every category in the order of ids.
    pub(crate) fn category_indices(&self) -> HashMap<i64, usize> {
        self.categories.by_id.keys().enumerate().map(|(index, &id)| (id, index)).collect()
    }
}

fn draw(
    track: TrackEntry,
    videos: &BTreeMap<i64, Video>,
) -> Result<TruthTrack, seqformer_annotations::Fault> {
    let TrackEntry { id, video_id, category_id, is_crowd, masks, areas, .. } = track;
    let masks = masks.into_packed(videos[&video_id].size)?;
    let average_area = match areas {
        Some(areas) => average_area(areas.iter().copied()),
        None => average_area(masks.areas().flatten().map(|area| area as f64)),
    };
    Ok(TruthTrack { id, video_id, category_id, is_crowd, average_area, masks })
}

/// Warns about what scoring dropped from a file.
pub(crate) fn warn(path: &Path, notes: &[Note]) {
    for note in notes.iter().filter(|note| note.subject != Subject::Boxes) {
        tracing::warn!("{}: {note}", path.display());
    }
}

/// Warns about an annotation that the official tools never find.
pub(crate) fn warn_of_id_0(path: &Path, has_id_0: bool) {
    if has_id_0 {
        tracing::warn!(
            "{}: the annotation with id 0 never counts as found, as in the official tool; start ids at 1",
            path.display()
        );
    }
}

#[cfg(test)]
mod tests;
