//! How long scoring takes, and how much memory, on a dataset as large as the validation split of
//! YouTube-VIS 2021.
//!
//! ```text
//! cargo bench -p seqformer-evaluation --bench score -- [--folder FOLDER]
//! ```
//!
//! The dataset is drawn from a fixed seed into `FOLDER` (`gt.json`, `results.json`), or into a
//! folder that is removed again, and scored by a fresh process. A run as a test takes three
//! videos.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use rayon::prelude::*;
use seqformer_evaluation::{GroundTruth, Results, ResultsWriter, TrackResult, YtvisEvaluator};
use seqformer_masks::{ImageSize, Polygon, Rle};
use seqformer_testing::splitmix64;

const NUM_VIDEOS: u64 = 421;
const NUM_CATEGORIES: u64 = 40;
const PREDICTIONS_PER_VIDEO: u64 = 10;
const SIZE: ImageSize = ImageSize { height: 720, width: 1280 };
/// The argument by which the bench calls itself to score.
const SCORE: &str = "--score-only";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value_of = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1).map(PathBuf::from)
    };
    if let Some(folder) = value_of(SCORE) {
        return score(&folder);
    }
    // Other arguments are for the harness of the tests beside this one.
    let num_videos = if args.iter().any(|arg| arg == "--bench") { NUM_VIDEOS } else { 3 };
    let temporary = tempfile::tempdir()?;
    let folder = value_of("--folder").unwrap_or_else(|| temporary.path().to_path_buf());
    if !folder.join("results.json").exists() {
        std::fs::create_dir_all(&folder)?;
        draw_dataset(&folder, num_videos)?;
    }
    let status = Command::new(std::env::current_exe()?)
        .args([SCORE.as_ref(), folder.as_os_str()])
        .status()?;
    if status.success() { Ok(()) } else { Err("scoring failed".into()) }
}

fn score(folder: &Path) -> Outcome<()> {
    let start = Instant::now();
    let truth = GroundTruth::read(&folder.join("gt.json"))?;
    let truth_read = start.elapsed().as_secs_f64();
    let results = Results::read(&folder.join("results.json"))?;
    let results_read = start.elapsed().as_secs_f64();
    let evaluation = YtvisEvaluator::new(&truth).evaluate(&results)?;
    let report = evaluation.report();
    let total = start.elapsed().as_secs_f64();
    print!("{}", report.summary());
    println!(
        "{} results in {total:.2} s: ground truth {truth_read:.2} s, results {:.2} s, scoring \
         {:.2} s; {}",
        results.len(),
        results_read - truth_read,
        total - results_read,
        peak_memory()
    );
    Ok(())
}

/// Returns the most memory that this process held, where the system tells.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or(" unknown");
    format!("peak memory {}", peak.trim())
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        splitmix64(self.0) % end
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.below(1 << 30) as f64 / f64::from(1 << 30)
    }
}

/// A round object with a rough outline that moves through the video.
#[derive(Clone)]
struct Blob {
    center: [f64; 2],
    velocity: [f64; 2],
    radius: f64,
    /// Relative radius in equal steps around the centre.
    outline: Vec<f64>,
    category: u64,
    /// Absent frames come and go with this seed.
    seed: u64,
}

impl Blob {
    fn draw(random: &mut Random) -> Self {
        let outline = (0..96).map(|_| random.between(0.9, 1.1)).collect();
        Self {
            center: [random.between(100.0, 1180.0), random.between(100.0, 620.0)],
            velocity: [random.between(-6.0, 6.0), random.between(-3.0, 3.0)],
            radius: random.between(40.0, 300.0),
            outline,
            category: 1 + random.below(NUM_CATEGORIES),
            seed: random.below(1 << 40),
        }
    }

    /// The same object as a model might see it.
    fn disturbed(&self, random: &mut Random) -> Self {
        let mut blob = self.clone();
        blob.radius *= random.between(0.75, 1.2);
        for coordinate in &mut blob.center {
            *coordinate += random.between(-0.2, 0.2) * self.radius;
        }
        for step in &mut blob.outline {
            *step *= random.between(0.95, 1.05);
        }
        if random.below(4) == 0 {
            blob.category = 1 + random.below(NUM_CATEGORIES);
        }
        blob
    }

    fn is_visible(&self, frame: u64) -> bool {
        !splitmix64(self.seed + frame / 8).is_multiple_of(6)
    }

    fn mask(&self, frame: u64) -> Outcome<Rle> {
        let points = self.outline.iter().enumerate().map(|(step, outline)| {
            let angle = step as f64 / self.outline.len() as f64 * std::f64::consts::TAU;
            let [x, y] = [0, 1].map(|axis| self.center[axis] + self.velocity[axis] * frame as f64);
            let radius = self.radius * outline;
            [x + radius * angle.cos(), y + radius * angle.sin()]
        });
        Ok(Polygon::from_vertices(points.collect())?.rasterize(SIZE))
    }
}

struct Video {
    id: u64,
    length: u64,
    truths: Vec<Blob>,
    predictions: Vec<(Blob, f32)>,
}

fn draw_video(id: u64) -> Video {
    let mut random = Random(id << 32);
    let length = 30 + random.below(51);
    let count = 1 + random.below(5);
    let truths: Vec<Blob> = (0..count).map(|_| Blob::draw(&mut random)).collect();
    let predict = |index| {
        let truth = &truths[random.below(count) as usize];
        let blob = truth.disturbed(&mut random);
        let score = random.between(0.0, 1.0) / f64::from(1 + index as u32 / 4);
        (blob, score as f32)
    };
    let predictions = (0..PREDICTIONS_PER_VIDEO).map(predict).collect();
    Video { id, length, truths, predictions }
}

fn draw_dataset(folder: &Path, num_videos: u64) -> Outcome<()> {
    let videos: Vec<Video> = (1..=num_videos).map(draw_video).collect();
    let mut truth = BufWriter::new(File::create(folder.join("gt.json"))?);
    let joined = |items: Vec<String>| items.join(", ");
    let categories =
        (1..=NUM_CATEGORIES).map(|id| format!("{{\"id\": {id}, \"name\": \"c{id}\"}}"));
    let list = videos.iter().map(|video| {
        let Video { id, length, .. } = video;
        format!("{{\"id\": {id}, \"height\": 720, \"width\": 1280, \"length\": {length}}}")
    });
    write!(truth, "{{\"categories\": [{}], ", joined(categories.collect()))?;
    write!(truth, "\"videos\": [{}], \"annotations\": [", joined(list.collect()))?;
    let ids: Vec<i64> = videos.iter().map(|video| video.id as i64).collect();
    let mut results = ResultsWriter::open(&folder.join("results.json"), &ids, "bench")?;
    for (index, video) in videos.iter().enumerate() {
        for (track, blob) in video.truths.iter().enumerate() {
            let separator = if index + track == 0 { "" } else { ", " };
            let annotation = annotation(video, blob, 10 * video.id + track as u64)?;
            write!(truth, "{separator}{annotation}")?;
        }
        let found: Vec<TrackResult> = video
            .predictions
            .par_iter()
            .map(|(blob, score)| predict(video, blob, *score).expect("the polygon is in range"))
            .collect();
        results.write_video(video.id as i64, &found)?;
    }
    write!(truth, "]}}")?;
    truth.flush()?;
    results.finish()?;
    Ok(())
}

fn annotation(video: &Video, blob: &Blob, id: u64) -> Outcome<String> {
    let (mut segmentations, mut areas) = (Vec::new(), Vec::new());
    for frame in 0..video.length {
        if !blob.is_visible(frame) {
            segmentations.push("null".to_owned());
            areas.push("null".to_owned());
            continue;
        }
        let mask = blob.mask(frame)?;
        let counts = mask.counts();
        segmentations.push(format!("{{\"counts\": {counts:?}, \"size\": [720, 1280]}}"));
        areas.push(mask.area().to_string());
    }
    Ok(format!(
        "{{\"id\": {id}, \"video_id\": {}, \"category_id\": {}, \"iscrowd\": 0, \
         \"segmentations\": [{}], \"areas\": [{}]}}",
        video.id,
        blob.category,
        segmentations.join(", "),
        areas.join(", ")
    ))
}

fn predict(video: &Video, blob: &Blob, score: f32) -> Outcome<TrackResult> {
    let mask = |frame| {
        if blob.is_visible(frame) { blob.mask(frame) } else { Ok(Rle::empty(SIZE)) }.map(Some)
    };
    Ok(TrackResult {
        video_id: video.id as i64,
        score,
        category_id: blob.category as i64,
        segmentations: (0..video.length).map(mask).collect::<Outcome<_>>()?,
    })
}
