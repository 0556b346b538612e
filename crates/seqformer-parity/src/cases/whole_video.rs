//! `tiny_whole`: whole-video inference from frames to results, for each video of a small dataset.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use seqformer::inference::{InferenceModel, SelectionRule, WholeVideo, select};
use seqformer_data::{RgbImage, read_image};
use seqformer_engine::{Predictor, PredictorOptions, VideoPrediction};
use seqformer_masks::{ImageSize, Rle};
use serde_json::Value;
use tch::{Kind, Tensor};

use crate::arrays::{Arrays, integer, max_abs, values};
use crate::network::{self, Network};
use crate::report::ParityReport;

/// Pixels of one result that may be off, over all its frames.
const PIXELS_OFF: u64 = 5;
/// At most one pixel in so many may be off over all results.
const PIXELS_FOR_ONE_OFF: u64 = 10_000;

/// A video of the dataset.
pub(super) struct Video {
    pub(super) id: i64,
    pub(super) frames: Vec<PathBuf>,
}

pub(super) fn run(folder: &Path, report: &mut ParityReport<'_>) -> Result<()> {
    let config = network::config(&folder.join("tiny_config.yaml"), &[])?;
    let network =
        Network::from_checkpoint(config, &folder.join("tiny_model.pth"), report.device())?;
    let options = PredictorOptions::from_config(&network.config);
    let predictor = Predictor::with_model(network.model, network.variables, options);
    let golden = Arrays::read(&folder.join("tiny_whole.safetensors"))?;
    let dataset = seqformer_testing::read_json(&folder.join("tiny_video/instances.json"))?;
    let categories = category_ids(&dataset)?;
    let results = seqformer_testing::read_json(&folder.join("tiny_whole/results.json"))?;
    let mut results = results.as_array().context("results.json is not a list")?.iter();
    for (index, video) in
        videos(&dataset, &folder.join("tiny_video/JPEGImages"))?.iter().enumerate()
    {
        let prefix = format!("video{index}.");
        let inputs = network_inputs(&predictor, video)?;
        report.close(
            &format!("{prefix}network_input"),
            &inputs,
            &golden.get(&format!("{prefix}network_input_u8"))?,
            0.0,
        );
        compare_network(
            predictor.model(),
            predictor.options().rule,
            &inputs,
            &prefix,
            &golden,
            report,
        )?;
        let images = video.frames.iter().map(|path| Ok(read_image(path)?.image));
        let found = predictor.predict(images, &mut |_progress| {})?;
        compare_detections(&found, &prefix, &golden, report)?;
        let expected: Vec<&Value> = results.by_ref().take(found.detections.len()).collect();
        compare_results(
            &found,
            video.id,
            &categories,
            &expected,
            &format!("{prefix}results.json"),
            report,
        )?;
    }
    report.exact("results.json left over", results.count(), 1);
    Ok(())
}

pub(super) fn category_ids(dataset: &Value) -> Result<Vec<i64>> {
    let categories = dataset["categories"].as_array().context("there are no categories")?;
    let mut ids =
        categories.iter().map(|category| integer(&category["id"])).collect::<Result<Vec<_>>>()?;
    ids.sort_unstable();
    Ok(ids)
}

pub(super) fn videos(dataset: &Value, images: &Path) -> Result<Vec<Video>> {
    let videos = dataset["videos"].as_array().context("there are no videos")?;
    let mut videos = videos
        .iter()
        .map(|video| {
            let names = video["file_names"].as_array().context("a video has no file names")?;
            let frames =
                names.iter().filter_map(|name| Some(images.join(name.as_str()?))).collect();
            Ok(Video { id: integer(&video["id"])?, frames })
        })
        .collect::<Result<Vec<_>>>()?;
    videos.sort_by_key(|video| video.id);
    Ok(videos)
}

/// Resized frames, `[T, 3, H, W]`.
pub(super) fn network_inputs(predictor: &Predictor, video: &Video) -> Result<Tensor> {
    let tensors = video
        .frames
        .iter()
        .map(|path| Ok(image_tensor(&predictor.resize(&read_image(path)?.image))))
        .collect::<Result<Vec<_>>>()?;
    Ok(Tensor::stack(&tensors, 0))
}

fn image_tensor(image: &RgbImage) -> Tensor {
    let size = [i64::from(image.size.height), i64::from(image.size.width), 3];
    Tensor::from_data_size(&image.pixels, &size, Kind::Uint8).permute([2, 0, 1])
}

fn compare_network(
    model: &InferenceModel,
    rule: SelectionRule,
    inputs: &Tensor,
    prefix: &str,
    golden: &Arrays,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    let size = seqformer::size_of_frames(inputs).context("frames are [T, 3, H, W]")?;
    let mut video = WholeVideo::new(model, size);
    for part in inputs.split(4, 0) {
        video.push(&part)?;
    }
    let decoded = video.decode()?;
    let mut close = |name: &str, found: &Tensor, tolerance: Option<f64>| {
        let expected = golden.get(&format!("{prefix}{name}"))?;
        let tolerance = tolerance.unwrap_or_else(|| 2e-5 + 2e-5 * max_abs(&expected));
        report.close(&format!("{prefix}{name}"), found, &expected, tolerance);
        Ok::<_, anyhow::Error>(())
    };
    close("pred_logits", &decoded.pred_logits().unsqueeze(0), None)?;
    close("pred_boxes", &decoded.pred_boxes().unsqueeze(0), None)?;
    let selection = select(&decoded.pred_logits(), rule);
    close("top10_queries", &Tensor::from_slice(&selection.queries), Some(0.0))?;
    let parts: Vec<Tensor> = (0..decoded.num_parts())
        .map(|part| decoded.mask_logits(&selection.queries, part))
        .collect();
    close("top10_mask_logits", &Tensor::cat(&parts, 1), Some(2e-4))
}

/// Scores, labels and areas of the results of one video.
pub(super) fn compare_detections(
    found: &VideoPrediction,
    prefix: &str,
    golden: &Arrays,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    let scores: Vec<f64> = found.detections.iter().map(|found| f64::from(found.score)).collect();
    report.numbers(
        &format!("{prefix}scores"),
        &scores,
        &values(&golden.get(&format!("{prefix}scores"))?),
        1e-5,
    );
    let labels: Vec<f64> = found.detections.iter().map(|found| found.label as f64).collect();
    report.numbers(
        &format!("{prefix}labels"),
        &labels,
        &values(&golden.get(&format!("{prefix}labels"))?),
        0.0,
    );
    let areas = found
        .detections
        .iter()
        .flat_map(|detection| found.masks.track(detection.rank).map(|mask| mask.area()));
    let areas: Vec<f64> = areas.map(|area| area as f64).collect();
    let expected = values(&golden.get(&format!("{prefix}mask_area"))?);
    report.numbers(&format!("{prefix}mask_area"), &areas, &expected, PIXELS_OFF as f64);
    Ok(())
}

/// The results as they stand in the reference's results file, pixel by pixel.
pub(super) fn compare_results(
    found: &VideoPrediction,
    video_id: i64,
    categories: &[i64],
    expected: &[&Value],
    name: &str,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    report.exact(
        &format!("{name} count"),
        found.detections.len().abs_diff(expected.len()),
        found.detections.len(),
    );
    let (mut different, mut pixels, mut worst, mut wrong) = (0, 0, 0, 0);
    for (detection, expected) in found.detections.iter().zip(expected) {
        let category = categories.get(detection.label).copied();
        let same = integer(&expected["video_id"])? == video_id
            && Some(integer(&expected["category_id"])?) == category;
        wrong += usize::from(!same);
        let codes =
            expected["segmentations"].as_array().context("a result has no segmentations")?;
        let masks: Vec<Rle> = found.masks.track(detection.rank).collect();
        wrong += masks.len().abs_diff(codes.len());
        let mut own = 0;
        for (mask, code) in masks.iter().zip(codes) {
            let expected = parse_code(code)?;
            own += pixels_off(mask, &expected)?;
            pixels += mask.size().num_pixels();
        }
        worst = worst.max(own);
        different += own;
    }
    report.exact(&format!("{name} ids"), wrong, expected.len());
    report.pixels(&format!("{name} worst result"), worst, pixels, PIXELS_OFF);
    report.pixels(&format!("{name} masks"), different, pixels, pixels / PIXELS_FOR_ONE_OFF);
    Ok(())
}

/// A run-length code of a results file.
fn parse_code(code: &Value) -> Result<Rle> {
    let side =
        |index: usize| Ok::<_, anyhow::Error>(u32::try_from(integer(&code["size"][index])?)?);
    let size = ImageSize { height: side(0)?, width: side(1)? };
    Ok(Rle::parse_compressed(size, code["counts"].as_str().context("a code has no counts")?)?)
}

/// Pixels that are in one mask only.
fn pixels_off(a: &Rle, b: &Rle) -> Result<u64> {
    let both = a
        .intersection_area(b)
        .with_context(|| format!("masks of {} and {}", a.size(), b.size()))?;
    Ok(a.area() + b.area() - 2 * both)
}
