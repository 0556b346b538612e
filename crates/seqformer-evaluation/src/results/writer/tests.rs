use std::fs;
use std::path::{Path, PathBuf};

use seqformer_annotations::{Id, Ids};
use seqformer_masks::{ImageSize, Rle};
use seqformer_testing::{golden_path, read_json};

use super::super::list_writer::journal_path;
use super::ResultsWriter;
use crate::{EvaluationError, TrackResult};

const RUN: &str = "tiny \"q\"";
const VIDEOS: [i64; 3] = [7, 3, 12];

fn result(video_id: i64, score: f32) -> TrackResult {
    let size = ImageSize { height: 3, width: 4 };
    let mask = Rle::from_counts(size, vec![2, 3, 7]).unwrap();
    TrackResult { video_id, score, category_id: 5, segmentations: vec![Some(mask), None] }
}

/// Video 3 has no results.
fn results_of(video_id: i64) -> Vec<TrackResult> {
    match video_id {
        7 => vec![result(7, 0.5), result(7, 1e-5)],
        12 => vec![TrackResult { segmentations: Vec::new(), ..result(12, 0.25) }],
        _ => Vec::new(),
    }
}

fn write_missing(path: &Path) -> PathBuf {
    let mut writer = ResultsWriter::open(path, &VIDEOS, RUN).unwrap();
    for video_id in VIDEOS {
        if !writer.is_finished(video_id) {
            writer.write_video(video_id, &results_of(video_id)).unwrap();
        }
    }
    writer.finish().unwrap()
}

#[test]
fn the_bytes_are_those_of_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    for case in ["tiny_whole", "tiny_clip_L5S1", "tiny_clip_L4S3"] {
        let golden = golden_path("public").join(case).join("results.json");
        let list = read_json(&golden).unwrap();
        let results: Vec<TrackResult> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|result| {
                let masks = result["segmentations"].as_array().unwrap();
                let mask = |mask: &serde_json::Value| serde_json::from_value(mask.clone()).unwrap();
                TrackResult {
                    video_id: result["video_id"].as_i64().unwrap(),
                    score: result["score"].as_f64().unwrap() as f32,
                    category_id: result["category_id"].as_i64().unwrap(),
                    segmentations: masks.iter().map(mask).collect(),
                }
            })
            .collect();
        let mut video_ids: Vec<i64> = results.iter().map(|result| result.video_id).collect();
        video_ids.dedup();
        let path = folder.path().join(case);
        let mut writer = ResultsWriter::open(&path, &video_ids, RUN).unwrap();
        for group in results.chunk_by(|a, b| a.video_id == b.video_id) {
            writer.write_video(group[0].video_id, group).unwrap();
        }
        writer.finish().unwrap();
        assert!(fs::read(&path).unwrap() == fs::read(&golden).unwrap(), "{case} differs");
    }
}

#[test]
fn a_run_killed_at_any_byte_goes_on_to_the_same_file() {
    // Few bytes, because every line of every run has to reach the disk.
    let videos = [3, 12];
    let write_missing = |path: &Path| {
        let mut writer = ResultsWriter::open(path, &videos, RUN).unwrap();
        let mut line_ends = vec![fs::metadata(journal_path(path)).unwrap().len()];
        for video_id in videos {
            if !writer.is_finished(video_id) {
                writer.write_video(video_id, &results_of(video_id)).unwrap();
            }
            line_ends.push(fs::metadata(journal_path(path)).unwrap().len());
        }
        let journal = fs::read(journal_path(path)).unwrap();
        writer.finish().unwrap();
        assert!(!journal_path(path).exists(), "the journal stays after the end");
        (line_ends, journal, fs::read(path).unwrap())
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    let (line_ends, journal, undisturbed) = write_missing(&path);
    assert_eq!(line_ends.last(), Some(&(journal.len() as u64)));
    for cut in 0..=journal.len() {
        fs::write(journal_path(&path), &journal[..cut]).unwrap();
        let writer = ResultsWriter::open(&path, &videos, RUN).unwrap();
        let whole_lines = line_ends.iter().filter(|&&end| end <= cut as u64).count();
        assert_eq!(writer.num_finished(), whole_lines.saturating_sub(1), "cut at byte {cut}");
        drop(writer);
        assert!(write_missing(&path).2 == undisturbed, "cut at byte {cut}");
    }
}

#[test]
fn a_damaged_line_and_all_after_it_are_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let undisturbed = fs::read(write_missing(&folder.path().join("undisturbed"))).unwrap();
    let path = folder.path().join("damaged");
    let mut writer = ResultsWriter::open(&path, &VIDEOS, RUN).unwrap();
    writer.write_video(7, &results_of(7)).unwrap();
    let start = fs::metadata(journal_path(&path)).unwrap().len() as usize;
    writer.write_video(3, &results_of(3)).unwrap();
    writer.write_video(12, &results_of(12)).unwrap();
    drop(writer);
    let mut journal = fs::read(journal_path(&path)).unwrap();
    // A power cut can leave zeros where data should be.
    journal[start..start + 10].fill(0);
    fs::write(journal_path(&path), journal).unwrap();
    assert_eq!(ResultsWriter::open(&path, &VIDEOS, RUN).unwrap().num_finished(), 1);
    assert!(fs::read(write_missing(&path)).unwrap() == undisturbed);
}

#[test]
fn a_line_with_text_that_is_no_unicode_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let undisturbed = fs::read(write_missing(&folder.path().join("undisturbed"))).unwrap();
    let path = folder.path().join("damaged");
    for (name, damage) in [("no UTF-8", &b"\xb0"[..]), ("half a pair", &b"\\ud800"[..])] {
        let mut writer = ResultsWriter::open(&path, &VIDEOS, RUN).unwrap();
        writer.write_video(7, &results_of(7)).unwrap();
        drop(writer);
        let mut journal = fs::read(journal_path(&path)).unwrap();
        let counts = b"\"counts\": \"";
        let at = journal.windows(counts.len()).position(|found| found == counts).unwrap();
        journal.splice(at + counts.len()..=at + counts.len(), damage.iter().copied());
        fs::write(journal_path(&path), journal).unwrap();
        let num_finished = ResultsWriter::open(&path, &VIDEOS, RUN).unwrap().num_finished();
        assert_eq!(num_finished, 0, "{name}");
        assert!(fs::read(write_missing(&path)).unwrap() == undisturbed, "{name}");
    }
}

#[test]
fn the_order_of_writing_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let in_order = fs::read(write_missing(&folder.path().join("in_order"))).unwrap();
    let path = folder.path().join("mixed");
    let mut writer = ResultsWriter::open(&path, &VIDEOS, RUN).unwrap();
    for video_id in [12, 7, 3] {
        writer.write_video(video_id, &results_of(video_id)).unwrap();
    }
    assert!(fs::read(writer.finish().unwrap()).unwrap() == in_order);
}

#[test]
fn no_results_are_an_empty_list() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    let mut writer = ResultsWriter::open(&path, &[1], RUN).unwrap();
    writer.write_video(1, &[]).unwrap();
    assert_eq!(fs::read(writer.finish().unwrap()).unwrap(), b"[]");
    let writer = ResultsWriter::open(&path, &[], RUN).unwrap();
    assert_eq!(fs::read(writer.finish().unwrap()).unwrap(), b"[]");
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    let check = |error: EvaluationError, expected: &str| {
        let message = error.to_string();
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("results.json"), "{message}");
    };
    check(ResultsWriter::open(&path, &[1, 2, 1], RUN).unwrap_err(), "video 1: expected every");
    let mut writer = ResultsWriter::open(&path, &VIDEOS, RUN).unwrap();
    check(ResultsWriter::open(&path, &VIDEOS, RUN).unwrap_err(), "another run is writing");
    check(writer.write_video(8, &[]).unwrap_err(), "video 8: expected a video of this run");
    check(writer.write_video(7, &[result(3, 0.5)]).unwrap_err(), "expected 7, found 3");
    check(writer.write_video(7, &[result(7, f32::NAN)]).unwrap_err(), "score: expected a number");
    writer.write_video(7, &results_of(7)).unwrap();
    check(writer.write_video(7, &[]).unwrap_err(), "video 7: expected each video once");
    check(writer.finish().unwrap_err(), "of 3 videos, found 1: the first one missing is video 3");
    check(
        ResultsWriter::open(&path, &VIDEOS, "other").unwrap_err(),
        "expected other, found tiny \"q\"",
    );
    check(ResultsWriter::open(&path, &[3], RUN).unwrap_err(), "video 7: expected a video of this");
    assert_eq!(ResultsWriter::open(&path, &VIDEOS, RUN).unwrap().num_finished(), 1);
    assert!(!path.exists());
    assert_eq!(ResultsWriter::create(&path, &[3], "other").unwrap().num_finished(), 0);
    assert_eq!(ResultsWriter::open(&path, &[3], "other").unwrap().num_finished(), 0);
}

#[test]
fn texts_of_the_dataset_are_written_for_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    let videos = ["b", "a"].map(|id| Id::Text(id.into()));
    let video_ids = Ids::new(videos.iter());
    let writer = ResultsWriter::open(&path, &[1, 2], RUN).unwrap();
    let mut writer = writer.with_ids(&video_ids, &Ids::default());
    writer.write_video(2, &[result(2, 0.5)]).unwrap();
    writer.write_video(1, &[]).unwrap();
    let written = read_json(&writer.finish().unwrap()).unwrap();
    assert_eq!((&written[0]["video_id"], &written[0]["category_id"]), (&"b".into(), &5.into()));
}
