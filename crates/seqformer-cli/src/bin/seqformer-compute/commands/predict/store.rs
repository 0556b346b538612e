//! `results.json` and `tracks.jsonl`: one part for each finished video, in the order of their ids.
//!
//! A video is added by writing both files anew and renaming them, so that at any moment they are whole and hold all
//! that is finished.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::files;

/// Between two rows of `results.json`, as Python's `json.dumps` writes it.
const SEPARATOR: &[u8] = b", ";

/// Both files of an output folder.
#[derive(Debug)]
pub(crate) struct Store {
    results: Parts,
    tracks: Parts,
}

/// A file with a part for each video.
#[derive(Debug)]
struct Parts {
    path: PathBuf,
    list: bool,
    /// The file as it is now. What is renamed over it does not change what was opened.
    file: Option<File>,
    /// Where the part of each video lies.
    places: BTreeMap<u64, Range<u64>>,
}

#[derive(Deserialize)]
struct OfVideo {
    video_id: u64,
}

impl Store {
    /// Begins without videos; files that are there are replaced with the first.
    pub(crate) fn new(folder: &Path) -> Self {
        let parts = |name: &str, list| Parts {
            path: folder.join(name),
            list,
            file: None,
            places: BTreeMap::new(),
        };
        Self { results: parts("results.json", true), tracks: parts("tracks.jsonl", false) }
    }

    /// Goes on with the files that an earlier run has written, and keeps what they have of the videos that `keep`
    /// names with their numbers of results and tracks; returns which of them are there as a whole.
    pub(super) fn open(
        folder: &Path,
        keep: &BTreeMap<u64, (usize, usize)>,
    ) -> Result<(Self, Vec<u64>)> {
        let mut store = Self::new(folder);
        if keep.is_empty() {
            return Ok((store, Vec::new()));
        }
        let rows = store.results.read(rows_of_list)?;
        let lines = store.tracks.read(|text| Some(rows_of_lines(text)))?;
        let count = |counts: &BTreeMap<u64, usize>, id: u64| counts.get(&id).copied().unwrap_or(0);
        let whole = |(id, &(results, tracks)): (&u64, &(usize, usize))| {
            (count(&rows, *id) == results && count(&lines, *id) == tracks).then_some(*id)
        };
        let kept: Vec<u64> = keep.iter().filter_map(whole).collect();
        for parts in [&mut store.results, &mut store.tracks] {
            parts.places.retain(|id, _| kept.contains(id));
        }
        Ok((store, kept))
    }

    /// Adds a video, or replaces it: its rows of `results.json`, and its lines of `tracks.jsonl`.
    pub(super) fn add(&mut self, video_id: u64, rows: &[String], lines: &[u8]) -> Result<()> {
        self.results.add(video_id, rows.join(", ").as_bytes())?;
        self.tracks.add(video_id, lines)
    }

    /// The tracks of a video, as their lines have them.
    pub(super) fn tracks_of(&self, video_id: u64) -> Result<Vec<Box<RawValue>>> {
        let mut text = Vec::new();
        self.tracks.copy(video_id, &mut text).with_context(|| self.tracks.unreadable())?;
        let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let tracks: serde_json::Result<_> = lines.map(serde_json::from_slice).collect();
        tracks.with_context(|| self.tracks.unreadable())
    }

    pub(super) fn results_path(&self) -> &Path {
        &self.results.path
    }

    pub(super) fn tracks_path(&self) -> &Path {
        &self.tracks.path
    }
}

impl Parts {
    fn unreadable(&self) -> String {
        format!("{}: cannot be read", self.path.display())
    }

    /// Opens the file and finds the part of each video with `rows`; returns how many rows each has.
    fn read(
        &mut self,
        rows: impl Fn(&str) -> Option<Vec<(u64, Range<u64>)>>,
    ) -> Result<BTreeMap<u64, usize>> {
        let mut text = String::new();
        let mut counts = BTreeMap::new();
        let opened = File::open(&self.path).and_then(|mut file| {
            file.read_to_string(&mut text)?;
            Ok(file)
        });
        match opened {
            Ok(file) => self.file = Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(counts),
            Err(error) => return Err(error).with_context(|| self.unreadable()),
        }
        for (id, row) in rows(&text).unwrap_or_default() {
            *counts.entry(id).or_default() += 1;
            let part = self.places.entry(id).or_insert_with(|| row.clone());
            part.end = row.end;
        }
        Ok(counts)
    }

    fn copy(&self, video_id: u64, to: &mut dyn Write) -> io::Result<()> {
        let (Some(part), Some(mut file)) = (self.places.get(&video_id), self.file.as_ref()) else {
            return Ok(());
        };
        let length = part.end - part.start;
        file.seek(SeekFrom::Start(part.start))?;
        let copied = io::copy(&mut file.take(length), to)?;
        if copied == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Writes the file anew, with the part of another video.
    fn add(&mut self, video_id: u64, text: &[u8]) -> Result<()> {
        let mut ids: BTreeSet<u64> = self.places.keys().copied().collect();
        ids.insert(video_id);
        let mut places = BTreeMap::new();
        files::replace(&self.path, |to| {
            let mut end = 0;
            if self.list {
                to.write_all(b"[")?;
                end = 1;
            }
            for &id in &ids {
                let mut old = Vec::new();
                let text = if id == video_id {
                    text
                } else {
                    self.copy(id, &mut old)?;
                    &old
                };
                if text.is_empty() {
                    continue;
                }
                if self.list && !places.is_empty() {
                    to.write_all(SEPARATOR)?;
                    end += SEPARATOR.len() as u64;
                }
                to.write_all(text)?;
                let start = end;
                end += text.len() as u64;
                places.insert(id, start..end);
            }
            if self.list {
                to.write_all(b"]")?;
            }
            Ok(())
        })?;
        self.file = Some(File::open(&self.path).with_context(|| self.unreadable())?);
        self.places = places;
        Ok(())
    }
}

/// The rows of a list of results with their videos; none if the text is no such list.
fn rows_of_list(text: &str) -> Option<Vec<(u64, Range<u64>)>> {
    let rows: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    let place = |row: &&RawValue| {
        let row = row.get();
        let start = (row.as_ptr() as usize - text.as_ptr() as usize) as u64;
        let OfVideo { video_id } = serde_json::from_str(row).ok()?;
        Some((video_id, start..start + row.len() as u64))
    };
    rows.iter().map(place).collect()
}

/// The lines of `tracks.jsonl` with their videos; what a foreign hand has broken ends them.
fn rows_of_lines(text: &str) -> Vec<(u64, Range<u64>)> {
    let mut rows = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len() as u64;
        let Ok(OfVideo { video_id }) = serde_json::from_str(line) else { break };
        rows.push((video_id, start..end));
        start = end;
    }
    rows
}

#[cfg(test)]
mod tests;
