//! What `seqformer predict` leaves beside its results: which videos they are of, and the classes, numbers and times of the tracks.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use seqformer_annotations::{AnnotationError, Fault};
use seqformer_convert::Category;
use seqformer_masks::{ImageSize, PackedTrack};
use serde::Deserialize;

use crate::ExportError;

/// The files `videos.json` and `tracks.jsonl` of a folder of results, as far as they are there.
#[derive(Debug, Default)]
pub(crate) struct PredictFolder {
    /// The videos with results, by their ids.
    pub(crate) videos: BTreeMap<i64, KnownVideo>,
    tracks: BTreeMap<(i64, i64), Vec<KnownTrack>>,
}

/// A video of `videos.json`.
#[derive(Debug)]
pub(crate) struct KnownVideo {
    pub(crate) name: String,
    pub(crate) input: PathBuf,
    pub(crate) size: ImageSize,
    pub(crate) length: usize,
}

#[derive(Debug, Deserialize)]
struct Record {
    videos: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    video_id: i64,
    name: String,
    input: PathBuf,
    video: Option<Facts>,
}

#[derive(Debug, Deserialize)]
struct Facts {
    frames: usize,
    height: u32,
    width: u32,
}

/// A line of `tracks.jsonl`.
#[derive(Debug, Deserialize)]
struct KnownTrack {
    track_id: i64,
    video_id: i64,
    class: String,
    category_id: i64,
    score: f32,
    time: Option<Vec<f64>>,
    areas: Vec<u64>,
}

/// Reads `videos.json` of a folder, if it is there: the videos with results.
///
/// # Errors
///
/// A file of something else, or one that cannot be read.
pub(crate) fn read_videos(folder: &Path) -> Result<BTreeMap<i64, KnownVideo>, ExportError> {
    let path = folder.join("videos.json");
    let Some(text) = read(&path)? else { return Ok(BTreeMap::new()) };
    let record: Record = serde_json::from_str(&text)
        .map_err(|error| wrong(&path, "the whole file", "the list of videos", &error))?;
    let known = |Entry { video_id, name, input, video }| {
        let Facts { frames: length, height, width } = video?;
        let size = ImageSize { height, width };
        Some((video_id, KnownVideo { name, input, size, length }))
    };
    Ok(record.videos.into_iter().filter_map(known).collect())
}

impl PredictFolder {
    /// Reads the files that are in a folder.
    ///
    /// # Errors
    ///
    /// A file that is there and is none of `predict`, or cannot be read.
    pub(crate) fn read(folder: &Path) -> Result<Self, ExportError> {
        let mut found = Self { videos: read_videos(folder)?, ..Self::default() };
        let path = folder.join("tracks.jsonl");
        for (index, line) in read(&path)?.unwrap_or_default().lines().enumerate() {
            let track: KnownTrack = serde_json::from_str(line)
                .map_err(|error| wrong(&path, &format!("line {}", index + 1), "a track", &error))?;
            found.tracks.entry((track.video_id, track.category_id)).or_default().push(track);
        }
        Ok(found)
    }

    /// The classes of all tracks, by their ids.
    pub(crate) fn categories(&self) -> Vec<Category> {
        let first = |(&(_, id), tracks): (&(i64, i64), &Vec<KnownTrack>)| {
            tracks.first().map(|track| (id, track.class.clone()))
        };
        let names: BTreeMap<i64, String> = self.tracks.iter().filter_map(first).collect();
        names.into_iter().map(|(id, name)| Category { id, name }).collect()
    }

    /// The number of a track.
    pub(crate) fn track_id(
        &self,
        video_id: i64,
        (category_id, score): (i64, f64),
        masks: &PackedTrack,
    ) -> Option<i64> {
        let alike = self.tracks.get(&(video_id, category_id))?;
        let areas = || masks.areas().map(|area| area.unwrap_or(0));
        let found = alike
            .iter()
            .find(|known| known.score == score as f32 && areas().eq(known.areas.iter().copied()));
        found.map(|known| known.track_id)
    }

    /// When the frames of a video are shown.
    pub(crate) fn times(&self, video_id: i64) -> Option<&[f64]> {
        let of_video = self.tracks.range((video_id, i64::MIN)..=(video_id, i64::MAX));
        of_video.flat_map(|(_, tracks)| tracks).find_map(|track| track.time.as_deref())
    }
}

/// Reads a file; nothing if it is not there.
fn read(path: &Path) -> Result<Option<String>, ExportError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(AnnotationError::Read { path: path.to_path_buf(), source }.into()),
    }
}

fn wrong(path: &Path, place: &str, expected: &str, error: &serde_json::Error) -> ExportError {
    let mend = "restore the file as `seqformer predict` wrote it, or copy results.json to a folder of its own";
    let expected = format!("{expected} as `seqformer predict` writes it");
    ExportError::wrong(path, place, Fault::new("", expected, error.to_string(), mend))
}
