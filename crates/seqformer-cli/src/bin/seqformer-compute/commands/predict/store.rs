//! `results.json` and `tracks.jsonl`: one section per finished video, ordered by id.
//!
//! A video is added by rewriting both files and renaming them, so they are always complete and contain all finished
//! videos.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::files;

/// The separator between rows of `results.json`, as in Python's `json.dumps`.
const SEPARATOR: &[u8] = b", ";

/// Both files of an output folder.
#[derive(Debug)]
pub(crate) struct Store {
    results: Parts,
    tracks: Parts,
}

/// A file with one section per video.
#[derive(Debug)]
struct Parts {
    path: PathBuf,
    list: bool,
    /// The current file. Renaming another file over it does not change what is open.
    file: Option<File>,
    /// Byte range of each video's section.
    places: BTreeMap<u64, Range<u64>>,
}

#[derive(Deserialize)]
struct OfVideo {
    video_id: u64,
}

impl Store {
    /// Starts without videos; existing files are replaced when the first video is added.
    pub(crate) fn new(folder: &Path) -> Self {
        let parts = |name: &str, list| Parts {
            path: folder.join(name),
            list,
            file: None,
            places: BTreeMap::new(),
        };
        Self { results: parts("results.json", true), tracks: parts("tracks.jsonl", false) }
    }

    /// Resumes the files of an earlier run. Keeps the sections of the videos in `keep`, which gives their numbers of
    /// results and tracks, and returns the videos whose sections are complete.
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

    /// Adds or replaces a video: its rows of `results.json` and its lines of `tracks.jsonl`.
    pub(super) fn add(&mut self, video_id: u64, rows: &[String], lines: &[u8]) -> Result<()> {
        self.results.add(video_id, rows.join(", ").as_bytes())?;
        self.tracks.add(video_id, lines)
    }

    /// The tracks of a video, as stored in their lines.
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

    /// Opens the file, locates the section of each video with `rows`, and returns the number of rows of each.
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

    /// Rewrites the file with the section of another video.
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

/// The rows of a list of results with their videos; `None` if the text is not such a list.
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

/// The lines of `tracks.jsonl` with their videos, up to the first line that is damaged.
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
mod tests {
    use super::*;

    fn row(id: u64, text: &str) -> String {
        format!("{{\"video_id\": {id}, \"x\": \"{text}\"}}")
    }

    fn line(id: u64, text: &str) -> Vec<u8> {
        format!("{{\"video_id\":{id},\"x\":\"{text}\"}}\n").into_bytes()
    }

    fn read(folder: &Path) -> (String, String) {
        let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        (text("results.json"), text("tracks.jsonl"))
    }

    #[test]
    fn any_order_and_any_interruption_give_the_same_files() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let mut store = Store::new(at);
        for id in [1, 2, 4] {
            let rows = [row(id, "], ["), row(id, "ü")];
            store.add(id, &rows[..id as usize % 3], &line(id, "a")).unwrap();
        }
        let undisturbed = read(at);
        serde_json::from_str::<Vec<serde_json::Value>>(&undisturbed.0).unwrap();

        let mut store = Store::new(at);
        store.add(4, &[row(4, "], [")], &line(4, "a")).unwrap();
        drop(store);
        let (mut store, kept) =
            Store::open(at, &BTreeMap::from([(4, (1, 1)), (9, (1, 1))])).unwrap();
        assert_eq!(kept, [4]);
        store.add(2, &[row(2, "], ["), row(2, "ü")], &line(2, "a")).unwrap();
        store.add(1, &[row(1, "an earlier try")], &line(1, "b")).unwrap();
        drop(store);
        // Video 2 is not counted as finished, and done again.
        let (mut store, kept) =
            Store::open(at, &BTreeMap::from([(4, (1, 1)), (1, (1, 1))])).unwrap();
        assert_eq!(kept, [1, 4]);
        store.add(1, &[row(1, "], [")], &line(1, "a")).unwrap();
        store.add(2, &[row(2, "], ["), row(2, "ü")], &line(2, "a")).unwrap();
        assert_eq!(read(at), undisturbed);
        assert_eq!(store.tracks_of(4).unwrap()[0].get(), r#"{"video_id":4,"x":"a"}"#);
        assert!(store.tracks_of(3).unwrap().is_empty());
    }

    #[test]
    fn a_video_whose_rows_are_not_all_there_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::new(folder.path());
        store.add(1, &[row(1, "a")], &line(1, "a")).unwrap();
        store.add(2, &[], &[]).unwrap();
        let keep =
            |id, counts| Store::open(folder.path(), &BTreeMap::from([(id, counts)])).unwrap().1;
        assert_eq!(keep(1, (1, 1)), [1]);
        assert_eq!(keep(1, (2, 1)), [] as [u64; 0]);
        assert_eq!(keep(2, (0, 0)), [2]);
        std::fs::write(folder.path().join("results.json"), "[{\"video_id\": 1, ").unwrap();
        assert_eq!(keep(1, (1, 1)), [] as [u64; 0]);
        std::fs::remove_file(folder.path().join("tracks.jsonl")).unwrap();
        assert_eq!(keep(1, (1, 1)), [] as [u64; 0]);
    }

    #[test]
    fn a_run_without_results_has_empty_files() {
        let folder = tempfile::tempdir().unwrap();
        Store::new(folder.path()).add(1, &[], &[]).unwrap();
        assert_eq!(read(folder.path()), ("[]".to_owned(), String::new()));
    }
}
