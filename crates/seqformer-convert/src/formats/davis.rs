//! DAVIS: a palette PNG for each frame, whose values are the objects of the video; also the masks of YouTube-VOS.
//!
//! DAVIS 2016 has one object, written as 255. In DAVIS 2017 objects are 1, 2, …, and 255 is a region to be ignored.
//! There are no classes.
//!
//! Reference: davis2017-evaluation, `davis.py`; the folders `Annotations/480p/VIDEO/00000.png` beside `JPEGImages`.

use std::path::Path;

use crate::builder::{Seen, TrackBuilder};
use crate::dataset::{Category, Dataset, Shape, Video};
use crate::frames::{Held, count_marks};
use crate::interface::{FolderWriter, ReadOptions, Reader};
use crate::label_image::Depth;
use crate::png_sequences::{self, Sequence};
use crate::{ConvertError, Notes, ids};

/// DAVIS 2017: several objects.
#[derive(Debug)]
pub(crate) struct Davis;

/// DAVIS 2016: one object.
#[derive(Debug)]
pub(crate) struct Davis2016;

/// The value of regions to be ignored in 2017, and of the object in 2016.
const VOID: u32 = 255;
/// The only class.
const CATEGORY: i64 = 1;

impl Reader for Davis {
    fn read(
        &self,
        input: &Path,
        options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        notes.say("DAVIS has no classes: all objects are of the class \"object\"");
        let mut videos = Vec::new();
        for (sequence, id) in png_sequences::find(input, options)?.into_iter().zip(1..) {
            videos.push(video(sequence, id, notes)?);
        }
        let categories = vec![Category { id: CATEGORY, name: "object".to_owned() }];
        Ok(Dataset { categories, videos })
    }
}

impl Reader for Davis2016 {
    fn read(
        &self,
        input: &Path,
        options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        Davis.read(input, options, notes)
    }
}

fn video(sequence: Sequence, id: i64, notes: &mut Notes) -> Result<Video, ConvertError> {
    let labels = sequence.read(Depth::Eight)?;
    let is_binary = labels.frames.iter().flat_map(|masks| masks.keys()).all(|&value| value == VOID);
    let mut builder = TrackBuilder::new(labels.size, format!("video {id} ({})", sequence.name));
    for (frame, masks) in labels.frames.into_iter().enumerate() {
        for (value, mask) in masks {
            let id = if is_binary { 1 } else { i64::from(value) };
            let seen = Seen::new(id, frame, CATEGORY, Shape::Mask(mask));
            builder.add(Seen { is_ignored: value == VOID && !is_binary, ..seen }, notes);
        }
    }
    let Sequence { name, file_names, .. } = sequence;
    Ok(builder.into_video(id, name, file_names))
}

/// Notes what both editions lose.
fn count_losses(dataset: &Dataset, notes: &mut Notes) {
    if dataset.categories.len() > 1 {
        let classes = dataset.categories.len();
        notes.say(format!(
            "DAVIS has no classes: which of the {classes} classes an object has is lost"
        ));
    }
}

impl FolderWriter for Davis {
    fn write(
        &self,
        dataset: &Dataset,
        folder: &Path,
        notes: &mut Notes,
    ) -> Result<(), ConvertError> {
        count_losses(dataset, notes);
        for video in &dataset.videos {
            count_marks(video, Held { ignored: true, ..Held::default() }, notes);
            let numbers = ids::within(video, VOID - 1, notes);
            let numbers: std::collections::BTreeMap<i64, Option<u32>> =
                video.tracks.iter().map(|track| track.id).zip(numbers).collect();
            let value = |track: &crate::Track| {
                if track.is_ignored {
                    return Some(VOID);
                }
                numbers.get(&track.id).copied().flatten()
            };
            let folder = folder.join("Annotations");
            png_sequences::write(video, &folder, (Depth::Eight, false), value, notes)?;
        }
        Ok(())
    }
}

impl FolderWriter for Davis2016 {
    fn write(
        &self,
        dataset: &Dataset,
        folder: &Path,
        notes: &mut Notes,
    ) -> Result<(), ConvertError> {
        count_losses(dataset, notes);
        for video in &dataset.videos {
            let mut video = video.clone();
            for track in video.tracks.iter().filter(|track| track.is_ignored) {
                notes.count("regions to be ignored are left out", || video.track_place(track));
            }
            video.tracks.retain(|track| !track.is_ignored);
            if video.tracks.len() > 1 {
                notes.count("videos have several objects, which become one", || video.place());
            }
            let folder = folder.join("Annotations");
            png_sequences::write(&video, &folder, (Depth::Eight, true), |_| Some(VOID), notes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
