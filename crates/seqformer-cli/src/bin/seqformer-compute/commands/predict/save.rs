//! `--save`: the objects of a video as files of other tools.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;
use seqformer_convert::{Category, Notes, Shapes, Track as ExportedTrack, Video};
use seqformer_engine::VideoPrediction;
use seqformer_export::{Export, FoundVideo, Kind, Tools};
use seqformer_masks::PackedTrack;

use super::inputs::Input;
use super::overlay::Shown;
use super::tracks::Track;
use crate::class_names::Class;
use crate::output;

/// What is saved of each video.
#[derive(Debug, Default)]
pub(crate) struct Saving {
    /// Each once, in a fixed order.
    pub(super) kinds: Vec<Kind>,
    /// Objects above this score are saved.
    pub(super) threshold: f64,
    /// What was already said about kinds.
    said: BTreeSet<String>,
}

/// A video whose objects are saved.
pub(super) struct Saved<'a> {
    pub(super) input: &'a Input,
    pub(super) video_id: u64,
    pub(super) prediction: &'a VideoPrediction,
    pub(super) tracks: &'a [Track],
    pub(super) shown: &'a Shown,
}

impl Saving {
    pub(super) fn new(kinds: &[Kind], threshold: f64) -> Self {
        let kinds: BTreeSet<Kind> = kinds.iter().copied().collect();
        Self { kinds: kinds.into_iter().collect(), threshold, said: BTreeSet::new() }
    }

    /// What the saved files depend on; nothing if none are.
    pub(super) fn settings(&self) -> Option<(&[Kind], f64)> {
        (!self.kinds.is_empty()).then_some((&self.kinds, self.threshold))
    }

    /// Writes all kinds of a video into `folder`, and returns the files and folders.
    pub(super) fn write(
        &mut self,
        folder: &Path,
        video: &Saved<'_>,
        classes: &[Class],
        tools: &Tools<'_>,
    ) -> Result<Vec<PathBuf>> {
        let mut written = Vec::new();
        if self.kinds.is_empty() {
            return Ok(written);
        }
        let export = export(video, classes, self.threshold);
        for kind in self.kinds.clone() {
            if kind.needs_frames() && !video.input.source.can_restart() {
                self.say(&format!("{}: no {kind}: a pipe cannot be read again", video.input.name));
                continue;
            }
            let paths = kind.paths(folder, &video.input.stem);
            let Some(path) = paths.first() else { continue };
            let mut notes = Notes::default();
            written.push(export.write(kind, path, tools, &mut notes)?);
            for line in notes.lines() {
                self.say(&format!("{kind}: {line}"));
            }
        }
        Ok(written)
    }

    /// Prints what holds for several videos once.
    fn say(&mut self, note: &str) {
        if self.said.insert(note.to_owned()) {
            output::note(note);
        }
    }
}

fn export(video: &Saved<'_>, classes: &[Class], threshold: f64) -> Export {
    let Saved { input, video_id, prediction, tracks, shown } = video;
    let category = |class: &Class| Category { id: class.id as i64, name: class.name.clone() };
    let above =
        tracks.iter().filter(|track| f64::from(track.score) > threshold && !track.seen.is_empty());
    let tracks = above.map(|track| exported(track, prediction)).collect();
    let file_names =
        input.source.image_names().filter(|names| names.len() == prediction.num_frames);
    let within = |name: String| format!("{}/{name}", input.stem);
    let video = Video {
        id: *video_id as i64,
        name: input.stem.clone(),
        size: prediction.size,
        length: prediction.num_frames,
        file_names: file_names.map(|names| names.into_iter().map(within).collect()),
        tracks,
        exhaustive: None,
    };
    let found = FoundVideo {
        video,
        timing: shown.timing.clone(),
        pixel_aspect: shown.pixel_aspect,
        source: Some(input.source.clone()),
    };
    Export { categories: classes.iter().map(category).collect(), videos: vec![found] }
}

fn exported(track: &Track, prediction: &VideoPrediction) -> ExportedTrack {
    let mut masks = PackedTrack::default();
    for mask in prediction.masks.track(track.rank) {
        if mask.area() > 0 { masks.push(&mask) } else { masks.push_absent() }
    }
    masks.shrink_to_fit();
    ExportedTrack {
        id: track.track_id as i64,
        category_id: track.category_id as i64,
        is_crowd: false,
        is_ignored: false,
        score: Some(f64::from(track.score)),
        shapes: Shapes::Packed(masks),
        occlusion: Vec::new(),
    }
}
