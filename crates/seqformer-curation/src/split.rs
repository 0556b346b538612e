//! Splitting a dataset by video.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use seqformer_data::{sizes_by_weight, stratify};

use crate::error::CurationError;
use crate::index::Index;
use crate::output::{List, Placed, distribute};
use crate::source::Source;

/// How a dataset is split.
#[derive(Debug, Clone)]
pub struct Split {
    /// The parts.
    pub parts: Vec<Part>,
    /// Another seed gives other parts.
    pub seed: u64,
}

/// A part that is to be written.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its file.
    pub path: PathBuf,
    /// Its share, as a number in proportion to those of the other parts; more than 0.
    pub weight: f64,
}

/// A part that was written.
#[derive(Debug, Clone)]
pub struct PartCounts {
    /// Its file.
    pub path: PathBuf,
    /// The number of videos.
    pub num_videos: usize,
    /// The number of frames.
    pub num_frames: usize,
    /// The number of objects.
    pub num_tracks: usize,
    /// The number of objects of each class of the dataset.
    pub num_tracks_by_class: BTreeMap<String, usize>,
}

/// Writes the videos of a dataset into several files, so that each gets its share of the videos of every class.
///
/// The caller has made sure that the names may be written.
///
/// # Errors
///
/// A file that is wrong or cannot be written, and a part that would have no video.
pub fn split(source: &Source, split: &Split) -> Result<Vec<PartCounts>, CurationError> {
    split_file(source, split).map_err(|error| source.error(error))
}

fn split_file(source: &Source, split: &Split) -> Result<Vec<PartCounts>, CurationError> {
    let index = Index::read(&source.path())?;
    let references = index.references()?;
    let mut classes = vec![BTreeSet::new(); index.videos.len()];
    for reference in &references {
        classes[reference.video].insert(reference.class);
    }
    let weights: Vec<f64> = split.parts.iter().map(|part| part.weight).collect();
    let part_of = stratify(&classes, &sizes_by_weight(classes.len(), &weights), split.seed);
    let empty = |part: &Part| PartCounts {
        path: part.path.clone(),
        num_videos: 0,
        num_frames: 0,
        num_tracks: 0,
        num_tracks_by_class: index.classes.iter().map(|class| (class.name.clone(), 0)).collect(),
    };
    let mut counts: Vec<PartCounts> = split.parts.iter().map(empty).collect();
    for (video, &part) in index.videos.iter().zip(&part_of) {
        counts[part].num_videos += 1;
        counts[part].num_frames += video.length;
    }
    for reference in &references {
        let counts = &mut counts[part_of[reference.video]];
        counts.num_tracks += 1;
        let name = &index.classes[reference.class].name;
        *counts.num_tracks_by_class.entry(name.clone()).or_default() += 1;
    }
    if let Some(part) = counts.iter().find(|part| part.num_videos == 0) {
        let (path, num_videos) = (part.path.clone(), index.videos.len());
        return Err(CurationError::EmptyPart { path, num_videos });
    }
    let paths: Vec<_> = split.parts.iter().map(|part| part.path.as_path()).collect();
    distribute(&index.path, &paths, |list, at, text| {
        Ok(match list {
            List::Videos => Placed::In(part_of[at], text.to_vec()),
            List::Categories => Placed::InAll(text.to_vec()),
            List::Annotations => Placed::In(part_of[references[at].video], text.to_vec()),
        })
    })?;
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use seqformer_convert::ReadOptions;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{dataset, read};

    fn parts(folder: &Path, weights: &[f64]) -> Vec<Part> {
        let path = |(part, &weight): (usize, &f64)| Part {
            path: folder.join(format!("{part}.json")),
            weight,
        };
        weights.iter().enumerate().map(path).collect()
    }

    #[test]
    fn every_entry_is_in_one_part_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("all.json");
        let all = dataset(20);
        std::fs::write(&file, all.to_string()).unwrap();
        let source = Source::open(&file, None, &ReadOptions::default()).unwrap();
        let parts = parts(folder.path(), &[3.0, 1.0]);
        let counts = split(&source, &Split { parts: parts.clone(), seed: 5 }).unwrap();
        let found: Vec<Value> = parts.iter().map(|part| read(&part.path)).collect();
        for key in ["videos", "annotations"] {
            let mut entries: Vec<Value> =
                found.iter().flat_map(|part| part[key].as_array().unwrap().clone()).collect();
            entries.sort_by_key(|entry| entry["id"].as_i64());
            assert_eq!(json!(entries), all[key]);
        }
        for (part, counts) in found.iter().zip(&counts) {
            assert_eq!((&part["categories"], &part["info"]), (&all["categories"], &all["info"]));
            let videos: Vec<&Value> = part["videos"].as_array().unwrap().iter().collect();
            let tracks = part["annotations"].as_array().unwrap();
            assert!(
                tracks
                    .iter()
                    .all(|track| videos.iter().any(|video| video["id"] == track["video_id"]))
            );
            assert_eq!((counts.num_videos, counts.num_tracks), (videos.len(), tracks.len()));
            assert_eq!(counts.num_tracks_by_class.values().sum::<usize>(), tracks.len());
        }
        assert_eq!((counts[0].num_videos, counts[1].num_videos), (15, 5));
    }

    #[test]
    fn parts_without_videos_and_unknown_videos_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("all.json");
        let fails = |all: Value, weights: &[f64], expected: &str| {
            std::fs::write(&file, all.to_string()).unwrap();
            let source = Source::open(&file, None, &ReadOptions::default()).unwrap();
            let parts = parts(folder.path(), weights);
            let said = split(&source, &Split { parts, seed: 0 }).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        };
        fails(dataset(2), &[1.0, 1.0, 1.0], "no video is left for this part of 2 videos");
        let mut all = dataset(2);
        all["annotations"][1]["video_id"] = json!(77);
        fails(
            all,
            &[1.0, 1.0],
            "annotations[1] (id 2, video 77): video_id: expected the id of a video",
        );
    }
}
