//! The same results on a GPU as on the CPU, by its kernels and graphs. Without a GPU it says that it is skipped.
//!
//! Opening libtorch's CUDA part changes the tables of operations that all threads read, so this test is a program of
//! its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

use std::path::PathBuf;

use seqformer::Precision;
use seqformer::inference::Detection;
use seqformer_config::{CfgNode, Config};
use seqformer_cuda::fallbacks;
use seqformer_data::{RgbImage, read_image};
use seqformer_engine::{
    ClipOptions, Device, DeviceChoice, PredictPlan, Predictor, PredictorOptions, VideoPrediction,
    open_device,
};
use seqformer_masks::ImageSize;
use seqformer_ops::cuda_attention;
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

/// How much two predictions agree.
#[derive(Debug)]
struct Agreement {
    /// Results of the first that have a partner in the second: of the same class, with masks of IoU 0.8 or more.
    partners: f64,
    /// IoU of the masks of all partners.
    iou: f64,
    /// Greatest distance of the scores of partners.
    off: f32,
}

/// Results are compared with their partners: where scores are close, ranks change places.
fn compare(a: &VideoPrediction, b: &VideoPrediction) -> Agreement {
    let (mut all_shared, mut all_either, mut off) = (0, 0, 0.0_f32);
    let mut rest: Vec<_> = b.detections.iter().collect();
    let mut partners = 0;
    for found in &a.detections {
        let areas = |other: &Detection| {
            let pairs = a.masks.track(found.rank).zip(b.masks.track(other.rank));
            pairs.fold((0, 0), |(shared, either), (mask, other)| {
                let both = mask.intersection_area(&other).unwrap();
                (shared + both, either + mask.area() + other.area() - both)
            })
        };
        let iou = |(shared, either): (u64, u64)| {
            if either == 0 { 1.0 } else { shared as f64 / either as f64 }
        };
        let same = rest.iter().enumerate().filter(|(_, other)| other.label == found.label);
        // The most alike mask, and of several such the nearest score.
        let best = same
            .map(|(place, other)| (iou(areas(other)), (found.score - other.score).abs(), place))
            .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
        let Some((_, distance, place)) = best.filter(|(iou, ..)| *iou >= 0.8) else { continue };
        let (shared, either) = areas(rest.remove(place));
        (all_shared, all_either) = (all_shared + shared, all_either + either);
        off = off.max(distance);
        partners += 1;
    }
    Agreement {
        partners: f64::from(partners) / a.detections.len().max(b.detections.len()).max(1) as f64,
        iou: all_shared as f64 / all_either.max(1) as f64,
        off,
    }
}

/// A prediction agrees with itself in another order, and not with another one.
fn check_comparison() {
    let options = PredictorOptions::from_config(&config());
    let whole = predictor(options, Device::Cpu).predict(frames(), &mut |_| {}).unwrap();
    assert!(!whole.detections.is_empty());
    let mut turned = whole.clone();
    turned.detections.reverse();
    let Agreement { partners, iou, off } = compare(&whole, &turned);
    assert_eq!((partners, iou, off), (1.0, 1.0, 0.0));
    turned.detections.truncate(1);
    assert!(compare(&whole, &turned).partners <= 1.0 / whole.detections.len() as f64);
    turned.detections[0].label += 1;
    assert_eq!(
        compare(&turned, &VideoPrediction { detections: Vec::new(), ..whole }).partners,
        0.0
    );
}

#[test]
fn a_gpu_gives_the_results_of_the_cpu_run_by_run() {
    // Before anything is computed.
    let device = open_device(DeviceChoice::Cuda(0));
    check_comparison();
    let device = match device {
        Ok(device) => device,
        Err(error) => {
            eprintln!("skipped: {error}");
            return;
        }
    };
    cuda_attention::prepare(0).unwrap();
    let clips = Some(ClipOptions::new(3, 1));
    for (precision, clips, least, most_off) in [
        (Precision::F32, None, 0.999, 1e-4),
        (Precision::F32, clips, 0.999, 1e-4),
        (Precision::Tf32, None, 0.97, 0.02),
        (Precision::Bf16, None, 0.9, 0.1),
    ] {
        let options = PredictorOptions { clips, ..PredictorOptions::from_config(&config()) };
        let on_cpu = predictor(options.clone(), Device::Cpu);
        let expected = on_cpu.predict(frames(), &mut |_| {}).unwrap();
        let on_gpu = predictor(PredictorOptions { precision, ..options }, device);
        // As it is, while it is recorded, and as a graph.
        for run in 0..3 {
            let found = on_gpu.predict(frames(), &mut |_| {}).unwrap();
            let agreement = compare(&expected, &found);
            let Agreement { partners, iou, off } = agreement;
            let agrees = partners >= f64::min(least, 0.99) && iou >= least && off <= most_off;
            assert!(agrees, "{precision:?}, run {run}: {agreement:?}");
        }
        assert!(on_gpu.model().num_recordings() > 0, "{precision:?}: no graph was recorded");
        // Angles of padding are so large that another sine would be another position.
        let size = ImageSize { height: 61, width: 83 };
        let positions = |predictor: &Predictor| {
            let layout = tch::no_grad(|| predictor.model().token_layout(&[size]));
            layout.positions().to_device(Device::Cpu)
        };
        assert_eq!(positions(&on_gpu), positions(&on_cpu));
    }
    assert_eq!(fallbacks::all(), Vec::<String>::new());
}
