//! Numbers of objects, as far as formats have room for them.

use std::collections::BTreeSet;

use crate::dataset::{Dataset, Track, Video};
use crate::notes::Notes;

/// Numbers for the objects of all videos that no two objects share: their own, if they differ; otherwise from 1 on.
pub(crate) fn across_videos(dataset: &Dataset, notes: &mut Notes) -> Vec<Vec<i64>> {
    let own = |video: &Video| video.tracks.iter().map(|track| track.id).collect::<Vec<_>>();
    let ids: Vec<Vec<i64>> = dataset.videos.iter().map(own).collect();
    let distinct: BTreeSet<i64> = ids.iter().flatten().copied().collect();
    if distinct.len() < dataset.num_tracks() {
        notes.say(
            "objects of several videos have the same numbers, which the format does not allow: all are numbered anew",
        );
        let mut next = 1..;
        return ids.into_iter().map(|ids| next.by_ref().take(ids.len()).collect()).collect();
    }
    if distinct.first() == Some(&0) {
        notes
            .say("COCO's tools never match an object of the number 0: all numbers are raised by 1");
        return ids.into_iter().map(|ids| ids.into_iter().map(|id| id + 1).collect()).collect();
    }
    ids
}

/// Numbers from 1 to `max` for the objects of one video: their own, if all fit; otherwise from 1 on.
///
/// Nothing is returned for regions to be ignored, and for the objects for which no number is left.
pub(crate) fn within(video: &Video, max: u32, notes: &mut Notes) -> Vec<Option<u32>> {
    let fits = |id: i64| u32::try_from(id).ok().filter(|id| (1..=max).contains(id));
    let objects = || video.tracks.iter().filter(|track| !track.is_ignored);
    let all_fit = objects().all(|track| fits(track.id).is_some());
    if !all_fit {
        let what =
            "videos have objects whose numbers do not fit the format: they are numbered from 1";
        notes.count(what, || video.place());
    }
    let mut next = 1..=max;
    let mut number = |track: &Track| {
        if track.is_ignored {
            return None;
        }
        let number = if all_fit { fits(track.id) } else { next.next() };
        if number.is_none() {
            notes.count("objects are left out, because the format has no number for them", || {
                video.track_place(track)
            });
        }
        number
    };
    video.tracks.iter().map(&mut number).collect()
}
