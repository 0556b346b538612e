//! Any bytes as what a killed run left of its results: an error, or a results file that is JSON.
#![no_main]

use std::fs;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use seqformer_evaluation::{CocoResultsWriter, ResultsWriter};
use seqformer_fuzz::with_file;
use serde_json::Value;

const IDS: [i64; 3] = [1, 2, 3];
const RUN: &str = "a run";

fuzz_target!(|bytes: &[u8]| {
    with_file("results.json.partial", bytes, |journal| {
        let path = journal.with_extension("");
        if let Ok(mut writer) = ResultsWriter::open(&path, &IDS, RUN) {
            for id in IDS {
                if !writer.is_finished(id) {
                    writer.write_video(id, &[]).expect("a video that is not there can be written");
                }
            }
            writer.finish().expect("all videos are there");
            assert_is_list(&path);
        }
    });
    with_file("results.json.partial", bytes, |journal| {
        let path = journal.with_extension("");
        if let Ok(mut writer) = CocoResultsWriter::open(&path, &IDS, RUN) {
            for id in IDS {
                if !writer.is_finished(id) {
                    writer.write_image(id, &[]).expect("an image that is not there can be written");
                }
            }
            writer.finish().expect("all images are there");
            assert_is_list(&path);
        }
    });
});

fn assert_is_list(path: &Path) {
    let text = fs::read(path).expect("the results are there");
    let list: Value = serde_json::from_slice(&text).expect("the results are JSON");
    assert!(list.is_array());
}
