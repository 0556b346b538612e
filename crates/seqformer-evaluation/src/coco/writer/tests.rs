use std::fs;
use std::path::Path;

use seqformer_masks::{BoxXywh, ImageSize, Rle};
use seqformer_testing::read_json;
use serde_json::Value;

use super::{CocoDetection, CocoResultsWriter};
use crate::CocoResults;
use crate::results::list_writer::journal_path;

const RUN: &str = "tiny";
const IMAGES: [i64; 3] = [7, 3, 12];

fn detection(image_id: i64, score: f32) -> CocoDetection {
    let mask = Rle::from_counts(ImageSize { height: 3, width: 4 }, vec![2, 3, 7]).unwrap();
    let bbox = BoxXywh { x: 0.0, y: 1e-5, width: 1.1, height: 3.0 };
    CocoDetection { image_id, category_id: 5, score, bbox, segmentation: mask }
}

/// Image 3 has no results.
fn detections_of(image_id: i64) -> Vec<CocoDetection> {
    match image_id {
        7 => vec![detection(7, 0.5), detection(7, 1e-5)],
        12 => vec![detection(12, 0.25)],
        _ => Vec::new(),
    }
}

/// Writes what is missing and returns the journal just before the end, and the file.
fn write_missing(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let mut writer = CocoResultsWriter::open(path, &IMAGES, RUN).unwrap();
    for image_id in IMAGES {
        if !writer.is_finished(image_id) {
            writer.write_image(image_id, &detections_of(image_id)).unwrap();
        }
    }
    let journal = fs::read(journal_path(path)).unwrap();
    (journal, fs::read(writer.finish().unwrap()).unwrap())
}

#[test]
fn the_text_is_that_of_python() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    let (_, text) = write_missing(&path);
    // json.dumps of the same lists and dicts; pycocotools.mask.frPyObjects gives "237".
    let result = |image: i64, score: &str| {
        format!(
            "{{\"image_id\": {image}, \"category_id\": 5, \"bbox\": [0.0, 1e-05, 1.1, 3.0], \
             \"score\": {score}, \"segmentation\": {{\"size\": [3, 4], \"counts\": \"237\"}}}}"
        )
    };
    // The second is the double of the nearest f32, as numpy's `item` gives it.
    let expected =
        [result(7, "0.5"), result(7, "9.999999747378752e-06"), result(12, "0.25")].join(", ");
    assert_eq!(String::from_utf8(text).unwrap(), format!("[{expected}]"));
    let results = CocoResults::read(&path).unwrap();
    assert!(results.len() == 3 && results.has_masks() && results.has_boxes());
}

#[test]
fn results_that_are_read_and_written_are_the_same() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/coco/results.json");
    let mut list = read_json(&fixture).unwrap();
    let list = list.as_array_mut().unwrap();
    let image_of = |result: &Value| result["image_id"].as_i64().unwrap();
    list.sort_by_key(image_of);
    let mut images: Vec<i64> = list.iter().map(image_of).collect();
    images.dedup();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    let mut writer = CocoResultsWriter::create(&path, &images, RUN).unwrap();
    for group in list.chunk_by(|a, b| image_of(a) == image_of(b)) {
        let detections = group.iter().map(|result| {
            let bbox = [0, 1, 2, 3].map(|index| result["bbox"][index].as_f64().unwrap());
            let [x, y, width, height] = bbox;
            CocoDetection {
                image_id: image_of(result),
                category_id: result["category_id"].as_i64().unwrap(),
                score: result["score"].as_f64().unwrap() as f32,
                bbox: BoxXywh { x, y, width, height },
                segmentation: serde_json::from_value(result["segmentation"].clone()).unwrap(),
            }
        });
        writer.write_image(image_of(&group[0]), &detections.collect::<Vec<_>>()).unwrap();
    }
    let written = read_json(&writer.finish().unwrap()).unwrap();
    for result in list.iter_mut() {
        let score = result["score"].as_f64().unwrap() as f32;
        result["score"] = f64::from(score).into();
        // The fixture has some boxes in whole numbers, which are equal but not of one kind.
        let bbox = [0, 1, 2, 3].map(|index| result["bbox"][index].as_f64().unwrap());
        result["bbox"] = bbox.to_vec().into();
    }
    assert_eq!(written.as_array().unwrap(), list);
}

#[test]
fn a_run_killed_at_any_byte_goes_on_to_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    let (journal, undisturbed) = write_missing(&path);
    assert!(!journal_path(&path).exists(), "the journal stays after the end");
    for cut in (0..=journal.len()).step_by(7) {
        fs::write(journal_path(&path), &journal[..cut]).unwrap();
        assert!(write_missing(&path).1 == undisturbed, "cut at byte {cut}");
    }
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    let check = |written: Result<(), crate::EvaluationError>, expected: &str| {
        let message = written.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("results.json"), "{message}");
    };
    let twice = CocoResultsWriter::open(&path, &[1, 2, 1], RUN).map(drop);
    check(twice, "image 1: expected every image once in the run");
    let mut writer = CocoResultsWriter::open(&path, &IMAGES, RUN).unwrap();
    check(writer.write_image(8, &[]), "image 8: expected an image of this run");
    check(writer.write_image(7, &[detection(3, 0.5)]), "image_id: expected 7, found 3");
    check(writer.write_image(7, &[detection(7, f32::NAN)]), "result 0: score: expected a number");
    let mut bad = detection(7, 0.5);
    bad.bbox.width = f64::INFINITY;
    check(
        writer.write_image(7, &[bad]),
        "image 7: result 0: bbox: expected four numbers, found inf",
    );
    writer.write_image(7, &detections_of(7)).unwrap();
    check(writer.write_image(7, &[]), "image 7: expected each image once");
    assert_eq!(writer.num_finished(), 1);
    check(writer.finish().map(drop), "of 3 images, found 1: the first one missing is image 3");
    let other = CocoResultsWriter::open(&path, &[3], RUN).map(drop);
    check(other, "image 7: expected an image of this run, found another");
}
