//! Reading results files, with what is known of their videos.

use std::collections::{BTreeMap, BTreeSet};

use seqformer_annotations::{Fault, YtvisFile, other_size};
use seqformer_convert::{Category, Notes, Shapes, Track, Video};
use seqformer_evaluation::{ResultEntry, Results};
use seqformer_masks::{ImageSize, PackedTrack};
use seqformer_video::Timing;

use crate::context::Context;
use crate::found::{Export, FoundVideo, Tools};
use crate::known_videos::{Known, known_videos};
use crate::predict_folder::PredictFolder;
use crate::{ExportError, Kind, Request};

/// Reads results to be written as `kind`.
///
/// Names, sizes and classes come from the annotations; without them from the given videos, and from the files that
/// `seqformer predict` wrote beside the results. Results of a video with the same masks are one object, as the network gives it
/// several classes: the best one is kept.
///
/// # Errors
///
/// Files that cannot be read, and results that do not fit the annotations or videos.
pub fn read_results(
    request: &Request,
    kind: Kind,
    tools: &Tools<'_>,
    notes: &mut Notes,
) -> Result<Export, ExportError> {
    let results = Results::read(&request.file())?;
    let beside = PredictFolder::read(&request.folder())?;
    let annotations = request.annotations.as_deref().map(YtvisFile::read).transpose()?;
    let context =
        Context { request, kind, tools, beside: &beside, annotations: annotations.as_ref() };
    let mut known = known_videos(&context)?;
    let mut by_video: BTreeMap<i64, Vec<ResultEntry<'_>>> = BTreeMap::new();
    for entry in results.entries() {
        by_video.entry(context.video_id(&entry)?).or_default().push(entry);
    }
    let ids: BTreeSet<i64> = by_video.keys().chain(known.keys()).copied().collect();
    let mut export = Export { categories: context.categories(&results)?, videos: Vec::new() };
    for id in ids {
        let entries = by_video.remove(&id).unwrap_or_default();
        let known = known.remove(&id).unwrap_or_else(|| Known::by_number(id));
        export.videos.push(context.video(id, known, &entries, notes)?);
    }
    Ok(export)
}

impl Context<'_> {
    fn video_id(&self, entry: &ResultEntry<'_>) -> Result<i64, ExportError> {
        let id = entry.video_id();
        let unknown = |expected: &str, mend: String| {
            entry.error(Fault::new("video_id", expected, id.to_string(), mend)).into()
        };
        if let Some(file) = self.annotations {
            let number =
                file.video_ids.number(id).filter(|number| file.videos.contains_key(number));
            let mend = || format!("the annotations are those of {}", file.path.display());
            return number.ok_or_else(|| unknown("a video of the annotations", mend()));
        }
        let number = match id {
            seqformer_annotations::Id::Number(number @ 0..) => Some(*number),
            _ => None,
        };
        let mend = "name the annotations with --gt";
        let number = number.ok_or_else(|| unknown("a number of 0 or more", mend.to_owned()))?;
        let given = self.request.videos.len();
        if given > 0 && !(1..=given as i64).contains(&number) {
            let expected = format!("1 to {given}, a number for each of --videos");
            let mend = "name all videos, in the order of their numbers";
            return Err(unknown(&expected, mend.to_owned()));
        }
        Ok(number)
    }

    fn category_id(&self, entry: &ResultEntry<'_>) -> Result<i64, ExportError> {
        let id = entry.category_id();
        let list = "name the annotations that list the classes with --gt";
        let (number, expected, mend) = match (self.annotations, id) {
            (Some(file), _) if !file.categories.by_id.is_empty() => {
                let known = &file.categories;
                let number = known.ids.number(id).filter(|number| known.by_id.contains_key(number));
                let mend = format!("the annotations are those of {}", file.path.display());
                (number, "a class of the annotations", mend)
            }
            (_, seqformer_annotations::Id::Number(number @ 0..)) => {
                (Some(*number), "", String::new())
            }
            _ => (None, "a number of 0 or more", list.to_owned()),
        };
        let fault =
            || entry.error(Fault::new("category_id", expected, id.to_string(), mend)).into();
        number.ok_or_else(fault)
    }

    /// The classes of the annotations; otherwise those of the results, as far as they have names.
    fn categories(&self, results: &Results) -> Result<Vec<Category>, ExportError> {
        let listed = self.annotations.map(|file| file.categories.by_id.values());
        let mut categories: Vec<Category> = match listed {
            Some(listed) => {
                listed.map(|one| Category { id: one.id, name: one.name.clone() }).collect()
            }
            None => self.beside.categories(),
        };
        let mut seen = BTreeSet::new();
        for entry in results.entries() {
            seen.insert(self.category_id(&entry)?);
        }
        for id in seen {
            if categories.iter().all(|category| category.id != id) {
                categories.push(Category { id, name: format!("class {id}") });
            }
        }
        categories.sort_by_key(|category| category.id);
        Ok(categories)
    }

    fn video(
        &self,
        id: i64,
        known: Known,
        entries: &[ResultEntry<'_>],
        notes: &mut Notes,
    ) -> Result<FoundVideo, ExportError> {
        let Known { name, mut size, mut length, file_names, source } = known;
        let place = format!("video {id} ({name})");
        let mut tracks: Vec<Track> = Vec::new();
        let mut all_masks: Vec<PackedTrack> = Vec::new();
        for entry in entries {
            let masks = packed(entry, &mut size, &mut length)?;
            let (category_id, score) = (self.category_id(entry)?, entry.score());
            if masks.areas().all(|area| area.is_none()) {
                notes.count("results have no pixels and are left out", || {
                    format!("[{}] of {place}", entry.index())
                });
                continue;
            }
            if let Some(same) = all_masks.iter().position(|other| *other == masks) {
                notes.count("results are the object of another one in a second class: the class with the better score is kept", || {
                    format!("[{}] of {place}", entry.index())
                });
                if tracks[same].score.is_some_and(|best| score > best) {
                    (tracks[same].category_id, tracks[same].score) = (category_id, Some(score));
                }
                continue;
            }
            all_masks.push(masks);
            tracks.push(Track {
                id: 0,
                category_id,
                is_crowd: false,
                is_ignored: false,
                score: Some(score),
                shapes: Shapes::default(),
                occlusion: Vec::new(),
            });
        }
        self.number(id, &mut tracks, &all_masks);
        for (track, masks) in tracks.iter_mut().zip(all_masks) {
            track.shapes = Shapes::Packed(masks);
        }
        tracks.sort_by_key(|track| track.id);
        self.request.selection.apply(&mut tracks);
        let (Some(size), Some(length)) = (size, length) else {
            let expected = "a mask, which tells the size of the video";
            let mend = "name the annotations with --gt, or leave out this video";
            let fault = Fault::new("segmentations", expected, "none", mend);
            return Err(ExportError::wrong(&self.request.file(), place, fault));
        };
        let file_names = file_names.filter(|names| names.len() == length);
        let video = Video { id, name, size, length, file_names, tracks, exhaustive: None };
        let timing =
            self.beside.times(id).filter(|_| self.annotations.is_none()).and_then(Timing::of_times);
        let mut found = FoundVideo { video, timing, pixel_aspect: None, source };
        if self.kind.is_film() {
            self.find_timing(&mut found)?;
        }
        Ok(found)
    }

    /// Numbers objects as `predict` did, otherwise from 1 on, the best score first.
    fn number(&self, video_id: i64, tracks: &mut [Track], masks: &[PackedTrack]) {
        let known = tracks.iter().zip(masks).map(|(track, masks)| {
            let score = track.score.unwrap_or(0.0);
            self.beside.track_id(video_id, (track.category_id, score), masks)
        });
        let known: Option<Vec<i64>> = known.collect();
        let distinct = |ids: &Vec<i64>| ids.iter().collect::<BTreeSet<_>>().len() == ids.len();
        if let Some(ids) = known.filter(distinct) {
            tracks.iter_mut().zip(ids).for_each(|(track, id)| track.id = id);
            return;
        }
        let mut order: Vec<&mut Track> = tracks.iter_mut().collect();
        order.sort_by(|a, b| b.score.unwrap_or(0.0).total_cmp(&a.score.unwrap_or(0.0)));
        (1..).zip(order).for_each(|(id, track)| track.id = id);
    }

    /// Finds out when the frames of a film are shown and the shape of its pixels, by reading it.
    fn find_timing(&self, found: &mut FoundVideo) -> Result<(), ExportError> {
        let source = found.source.as_ref().filter(|source| source.fps().is_some());
        let Some(source) = source else { return Ok(()) };
        let mut frames = source.frames()?;
        for frame in frames.by_ref() {
            self.tools.check_stop()?;
            frame?;
            if found.timing.is_some() {
                // The shape of the pixels is known with the first frame.
                break;
            }
        }
        found.pixel_aspect = frames.pixel_aspect();
        if found.timing.is_none() {
            found.timing = frames.timing().cloned();
        }
        Ok(())
    }
}

/// Takes the masks of a result; size and length are those of the video, or of the first result if they are not known.
fn packed(
    entry: &ResultEntry<'_>,
    size: &mut Option<ImageSize>,
    length: &mut Option<usize>,
) -> Result<PackedTrack, ExportError> {
    let masks = entry.masks()?;
    let expected = *length.get_or_insert(masks.len());
    if masks.len() != expected {
        let found = format!("{} entries", masks.len());
        let expected = format!("an entry for each of the {expected} frames of the video");
        let mend = "write null where the object is not visible";
        return Err(entry.error(Fault::new("segmentations", expected, found, mend)).into());
    }
    let mut packed = PackedTrack::default();
    for (frame, mask) in masks.iter().enumerate() {
        let Some(mask) = mask else {
            packed.push_absent();
            continue;
        };
        let expected = *size.get_or_insert(mask.size());
        if mask.size() != expected {
            let fault =
                other_size(expected, mask.size()).within(&format!("segmentations[{frame}]"));
            return Err(entry.error(fault).into());
        }
        if mask.area() > 0 { packed.push(mask) } else { packed.push_absent() }
    }
    packed.shrink_to_fit();
    Ok(packed)
}

#[cfg(test)]
mod tests;
