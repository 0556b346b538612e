//! A video frame by frame, for formats that have a file or an entry for each.

use std::borrow::Cow;

use seqformer_masks::Rle;

use crate::ConvertError;
use crate::dataset::{Shape, Track, Video};
use crate::notes::Notes;

/// Visits all frames in order, each with the objects on it and their shapes.
pub(crate) fn for_each_frame<'a>(
    video: &'a Video,
    mut visit: impl FnMut(usize, &[(&'a Track, Cow<'a, Shape>)]) -> Result<(), ConvertError>,
) -> Result<(), ConvertError> {
    let mut walks: Vec<_> =
        video.tracks.iter().map(|track| (track, track.shapes.frames())).collect();
    for frame in 0..video.length {
        let seen: Vec<_> = walks
            .iter_mut()
            .filter_map(|(track, shapes)| Some((*track, shapes.next()??)))
            .collect();
        visit(frame, &seen)?;
    }
    Ok(())
}

/// Draws an object for a format that has masks alone; a box is left out, and counted.
pub(crate) fn mask_of(
    shape: &Shape,
    (video, track, frame): (&Video, &Track, usize),
    notes: &mut Notes,
) -> Option<Rle> {
    let mask = shape.draw(video.size);
    if mask.is_none() {
        notes.count("boxes without a mask are left out (--boxes-as-masks fills them)", || {
            video.frame_place(track, frame)
        });
    }
    mask
}

/// Counts the marks of a video's objects that a format cannot hold.
pub(crate) fn count_marks(video: &Video, held: Held, notes: &mut Notes) {
    for track in &video.tracks {
        let place = || video.track_place(track);
        if track.is_crowd && !held.crowd {
            notes.count("crowds are written as single objects", place);
        }
        if track.is_ignored && !held.ignored {
            notes.count("regions to be ignored are written as objects", place);
        }
        if !held.occlusion && track.occlusion.iter().flatten().next().is_some() {
            notes.count("objects lose how far they are hidden", place);
        }
    }
}

/// The marks that a format can hold.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Held {
    /// Crowds.
    pub(crate) crowd: bool,
    /// Regions to be ignored.
    pub(crate) ignored: bool,
    /// How far objects are occluded.
    pub(crate) occlusion: bool,
}
