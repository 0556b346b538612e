//! Two small videos with frames. In the first one a result changes from one object to another.

use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};

use seqformer_masks::{BitMask, ImageSize, Rle};
use seqformer_report::{ReportPlan, WrittenReport, write_report};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const SIZE: ImageSize = ImageSize { height: 60, width: 80 };
pub(crate) const NUM_FRAMES: usize = 8;
/// A class whose name is a trap for pages that take names for markup.
pub(crate) const TRAP: &str =
    "<script>window.trapped = 1</script><img src=x onerror='window.trapped=1'>";

/// A dataset in a folder of its own.
pub(crate) struct Dataset {
    pub(crate) folder: TempDir,
}

/// A square of 20 pixels with its left upper corner at (x, y) in some frames.
fn square(x: u32, y: u32, frames: Range<usize>) -> Vec<Option<(u32, u32)>> {
    (0..NUM_FRAMES).map(|frame| frames.contains(&frame).then_some((x, y))).collect()
}

fn masks(corners: &[Option<(u32, u32)>]) -> Vec<Value> {
    let mask = |corner: &Option<(u32, u32)>| {
        let Some((left, top)) = *corner else { return Value::Null };
        let mut mask = BitMask::new(SIZE);
        for y in top..top + 20 {
            (left..left + 20).for_each(|x| mask.set(y, x, true));
        }
        json!({"size": [SIZE.height, SIZE.width], "counts": Rle::encode(&mask).to_compressed()})
    };
    corners.iter().map(mask).collect()
}

impl Dataset {
    /// Writes annotations, results and frames.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut left = square(5, 5, 0..NUM_FRAMES);
        // The first object is out of sight for a frame.
        left[2] = None;
        let right = square(50, 5, 0..NUM_FRAMES);
        let below = square(30, 35, 0..NUM_FRAMES);
        let mut switched = left[..4].to_vec();
        switched.extend_from_slice(&right[4..]);
        let name = |video: &str, frame: usize| format!("{video}/{frame:05}.png");
        let video = |id: usize, video: &str| {
            let names: Vec<String> = (0..NUM_FRAMES).map(|frame| name(video, frame)).collect();
            json!({"id": id, "height": SIZE.height, "width": SIZE.width, "length": NUM_FRAMES, "file_names": names})
        };
        let truth = |id: usize, video: usize, class: usize, corners: &[Option<(u32, u32)>]| json!({"id": id, "video_id": video, "category_id": class, "iscrowd": 0, "segmentations": masks(corners)});
        let gt = json!({
            "videos": [video(1, "street"), video(2, "park")],
            "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": TRAP}, {"id": 3, "name": "dog"}],
            "annotations": [
                truth(11, 1, 1, &left), truth(12, 1, 1, &right), truth(13, 1, 2, &below), truth(14, 2, 3, &left),
            ],
        });
        let result = |video: usize, class: usize, score: f64, corners: &[Option<(u32, u32)>]| json!({"video_id": video, "category_id": class, "score": score, "segmentations": masks(corners)});
        let results = json!([
            result(1, 1, 0.9, &switched),
            result(1, 2, 0.8, &below),
            result(1, 3, 0.05, &square(55, 35, 0..3)),
            result(2, 3, 0.95, &left),
        ]);
        let dataset = Self { folder };
        fs::write(dataset.at("gt.json"), gt.to_string()).unwrap();
        fs::write(dataset.at("results.json"), results.to_string()).unwrap();
        for video in ["street", "park"] {
            fs::create_dir_all(dataset.at("frames").join(video)).unwrap();
            for frame in 0..NUM_FRAMES {
                write_frame(&dataset.at("frames").join(name(video, frame)), frame as u8);
            }
        }
        dataset
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a report of everything is made from.
    pub(crate) fn plan(&self) -> ReportPlan {
        ReportPlan {
            gt: self.at("gt.json"),
            results: vec![self.at("results.json")],
            frames: Some(self.at("frames")),
            output: self.at("report"),
            ..ReportPlan::default()
        }
    }

    /// Writes the report, and returns its folder.
    pub(crate) fn report(&self) -> PathBuf {
        let WrittenReport { index, num_videos, .. } = write_report(&self.plan()).unwrap();
        assert_eq!((num_videos, &index), (2, &self.at("report/index.html")));
        self.at("report")
    }
}

fn write_frame(path: &Path, shade: u8) {
    let mut encoder = png::Encoder::new(File::create(path).unwrap(), SIZE.width, SIZE.height);
    encoder.set_color(png::ColorType::Grayscale);
    let pixels = vec![60 + 10 * shade; SIZE.num_pixels() as usize];
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
}
