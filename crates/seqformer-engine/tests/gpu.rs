//! The same results on a GPU as on the CPU. Without a GPU it says that it is skipped.
//!
//! Opening libtorch's CUDA part changes the tables of operations that all threads read, so this test is a program of
//! its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

use std::path::PathBuf;

use seqformer::Precision;
use seqformer_config::{CfgNode, Config};
use seqformer_data::{RgbImage, read_image};
use seqformer_engine::{
    ClipOptions, Device, DeviceChoice, PredictPlan, Predictor, PredictorOptions, VideoPrediction,
    open_device,
};
use seqformer_testing::golden_path;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

fn config() -> Config {
    let mut node = CfgNode::defaults();
    node.merge_from_file(&golden_path("public/tiny_config.yaml")).unwrap();
    Config::try_from(&node).unwrap()
}

fn predictor(options: PredictorOptions, device: Device) -> Predictor {
    let plan = PredictPlan::from_config(&config()).with_options(options);
    Predictor::new(&plan, &golden_path("public/tiny_model.pth"), device).unwrap()
}

fn frames() -> impl Iterator<Item = Result<RgbImage, AnyError>> + Send {
    let folder = golden_path("public/tiny_video/JPEGImages/vid_long");
    let mut paths: Vec<PathBuf> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| Ok(read_image(&path)?.image))
}

/// Shares of pixels that two predictions see alike, and their greatest distance of scores.
fn compare(a: &VideoPrediction, b: &VideoPrediction) -> (f64, f32) {
    assert_eq!(a.detections.len(), b.detections.len());
    let (mut both, mut either, mut off) = (0, 0, 0.0_f32);
    for (a_found, b_found) in a.detections.iter().zip(&b.detections) {
        assert_eq!((a_found.rank, a_found.label), (b_found.rank, b_found.label));
        off = off.max((a_found.score - b_found.score).abs());
        for (mask, other) in a.masks.track(a_found.rank).zip(b.masks.track(b_found.rank)) {
            let shared = mask.intersection_area(&other).unwrap();
            both += shared;
            either += mask.area() + other.area() - shared;
        }
    }
    (both as f64 / either.max(1) as f64, off)
}

#[test]
fn a_gpu_gives_the_results_of_the_cpu_run_by_run() {
    let device = match open_device(DeviceChoice::Cuda(0)) {
        Ok(device) => device,
        Err(error) => {
            eprintln!("skipped: {error}");
            return;
        }
    };
    let clips = Some(ClipOptions::new(3, 1));
    for (precision, clips, least, most_off) in [
        (Precision::F32, None, 0.999, 1e-4),
        (Precision::F32, clips, 0.999, 1e-4),
        (Precision::Tf32, None, 0.97, 0.02),
        (Precision::Bf16, None, 0.9, 0.1),
    ] {
        let options = PredictorOptions { clips, ..PredictorOptions::from_config(&config()) };
        let expected = predictor(options.clone(), Device::Cpu).predict(frames(), &mut |_| {});
        let expected = expected.unwrap();
        let on_gpu = predictor(PredictorOptions { precision, ..options }, device);
        // As it is, while it is recorded, and as a graph.
        for run in 0..3 {
            let found = on_gpu.predict(frames(), &mut |_| {}).unwrap();
            let (share, off) = compare(&expected, &found);
            assert!(share >= least && off <= most_off, "{precision:?}, {run}: {share}, {off}");
        }
    }
}
