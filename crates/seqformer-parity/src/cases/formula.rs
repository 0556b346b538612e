//! `inference.json`: networks whose weights and frames follow a second formula, as summaries.

use std::path::Path;

use anyhow::{Context as _, Result};
use seqformer::inference::Detection;
use seqformer::{DecoderLayerOutput, KeepLayers, Memory};
use seqformer_config::Config;
use seqformer_config::config::ImageFormat;
use seqformer_data::RgbImage;
use seqformer_engine::{Predictor, PredictorOptions};
use seqformer_masks::ImageSize;
use seqformer_testing::{formula_pixels, formula_weights};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use super::common::sampled;
use crate::arrays::{integer, max_abs, numbers};
use crate::network::{self, Network, Prepared};
use crate::report::ParityReport;

/// Seed of the frames.
const SEED: u64 = 7777;
/// Mask logits go up to 195 here.
const MASK_TOLERANCE: f64 = 5e-3;
/// One pixel in so many may be off.
const PIXELS_FOR_ONE_OFF: f64 = 10_000.0;

pub(super) fn whole_video(folder: &Path, case: &str, report: &mut ParityReport<'_>) -> Result<()> {
    let golden = seqformer_testing::read_json(&folder.join("inference.json"))?;
    let golden = golden.get(case).with_context(|| format!("there is no {case}"))?;
    let opts = golden["opts"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let opts: Vec<String> = opts.map(str::to_owned).collect();
    let file = golden["config"].as_str().context("there is no config")?;
    let config = network::config(&network::shipped(file), &opts)?;
    let network = Network::from_formula(config, formula_weights, report.device())?;
    let frames = frames_of(golden)?;
    compare_queries(&network, &golden["tensors"], report)?;
    let network = network.prepare();
    tch::no_grad(|| compare_tensors(&network, &frames, &golden["tensors"], report))?;
    compare_results(&predictor(network.config, report.device())?, &frames, golden, report)
}

/// The network in the hands of those who use it. The frames of the cases are in the order of its channels.
fn predictor(config: Config, device: Device) -> Result<Predictor> {
    let options =
        PredictorOptions { channels: ImageFormat::Rgb, ..PredictorOptions::from_config(&config) };
    let Network { model, variables, .. } = Network::from_formula(config, formula_weights, device)?;
    Ok(Predictor::with_model(model, variables, options))
}

/// Compares the learned positions of the queries.
fn compare_queries(network: &Network, golden: &Value, report: &mut ParityReport<'_>) -> Result<()> {
    let queries = network.variables.variables();
    let queries = queries.get("detr.detr.query_embed.weight").context("there are no queries")?;
    let positions = queries.narrow(1, 0, queries.size()[1] / 2).unsqueeze(0);
    tch::no_grad(|| compare_summary("query_pos", &positions, golden, report))
}

fn compare_tensors(
    network: &Prepared,
    frames: &Tensor,
    golden: &Value,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    let model = &network.model;
    let size = seqformer::size_of_frames(frames).context("frames are [T, 3, H, W]")?;
    let layout = model.token_layout(&[size]);
    let mut check = |name: &str, found: &Tensor| compare_summary(name, found, golden, report);
    let features = model.backbone_features(&model.preprocess(frames, size)?);
    for (stage, map) in features.iter().enumerate() {
        check(&format!("backbone.res{}", stage + 2), map)?;
    }
    let maps = model.project(&features);
    for (level, map) in maps.iter().enumerate() {
        check(&format!("input_proj{level}"), map)?;
    }
    let num_frames = frames.size()[0];
    check(
        "pos_with_level_embed",
        &layout.positions().unsqueeze(1).expand([-1, num_frames, -1, -1], false),
    )?;
    check("valid_ratios", layout.valid_ratios())?;
    let mut layers = Vec::new();
    let memory = model.encode(&maps, &layout, &mut |layer| layers.push(layer.shallow_clone()));
    check("encoder_layer0", &layers[0])?;
    check("memory", &memory)?;
    let mask_features = model.mask_features(&memory.get(0), &layout);
    check("mask_features_frame0", &mask_features.narrow(0, 0, 1))?;
    let output = model.decode(&Memory { parts: vec![memory] }, &layout, KeepLayers::All);
    check("init_reference", &output.layers[0].references)?;
    for (index, layer) in output.layers.iter().enumerate() {
        let DecoderLayerOutput { instance_queries, box_queries, pred_boxes, .. } = layer;
        check(&format!("hs[{index}]"), instance_queries)?;
        check(&format!("hs_box[{index}]"), box_queries)?;
        check(&format!("inter_ref[{index}]"), pred_boxes)?;
    }
    let last = &output.layers[model.last_layer()];
    let heads = model.heads(last, model.last_layer(), &[size]);
    check("pred_logits", &heads.pred_logits)?;
    check("pred_boxes", &last.pred_boxes)?;
    let masks = model.masks(
        &mask_features,
        &heads.dynamic_params.get(0),
        &heads.reference_points_px.get(0),
    );
    check("pred_masks", &masks.unsqueeze(0))
}

/// Shape, mean, deviation, largest magnitude, and a dozen values.
fn compare_summary(
    name: &str,
    found: &Tensor,
    golden: &Value,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    let summary = golden.get(name).with_context(|| format!("there is no {name}"))?;
    let shape: Vec<f64> = found.size().into_iter().map(|side| side as f64).collect();
    if shape != numbers(&summary["shape"])? {
        report.missing(name, &format!("expected shape {}, found {shape:?}", summary["shape"]));
        return Ok(());
    }
    let double = found.to_kind(Kind::Double);
    let (mut numbers, mut expected) = sampled(found, summary)?;
    numbers.extend([
        double.mean(Kind::Double).double_value(&[]),
        double.std(false).double_value(&[]),
        max_abs(found),
    ]);
    for field in ["mean", "std", "absmax"] {
        expected.push(summary[field].as_f64().with_context(|| format!("{name} has no {field}"))?);
    }
    let largest = expected.last().copied().unwrap_or(1.0);
    let tolerance = match name {
        "pred_logits" | "pred_boxes" => 1e-4,
        "pred_masks" => MASK_TOLERANCE,
        _ => 1e-4 * largest.max(1.0),
    };
    report.numbers(name, &numbers, &expected, tolerance);
    Ok(())
}

/// The results of a whole video, or of the clips that the configuration says.
fn compare_results(
    predictor: &Predictor,
    frames: &Tensor,
    golden: &Value,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    let side = |value: f64| value as u32;
    let output = numbers(&golden["orig"])?;
    let output = ImageSize { height: side(output[0]), width: side(output[1]) };
    let found = predictor.predict_resized(images(frames), output)?;
    let expected = match predictor.options().clips {
        Some(_) => Some(golden),
        None => golden
            .get("whole_video_results")
            .or_else(|| golden["tensors"].get("whole_video_results")),
    };
    let expected = expected.context("there are no results")?;
    let area = |rank: usize, frame: usize| found.masks.mask(rank, frame).area() as f64;
    compare_detections(&found.detections, found.num_frames, &area, expected, output, report)
}

/// Pictures of frames `[T, 3, H, W]`.
fn images(frames: &Tensor) -> Vec<RgbImage> {
    let size = ImageSize { height: frames.size()[2] as u32, width: frames.size()[3] as u32 };
    let image = |frame: i64| {
        let mut pixels = vec![0; 3 * size.num_pixels() as usize];
        let by_pixel = frames.get(frame).permute([1, 2, 0]).contiguous();
        by_pixel.copy_data(&mut pixels, by_pixel.numel());
        RgbImage { size, pixels }
    };
    (0..frames.size()[0]).map(image).collect()
}

/// Compares the results of clip inference.
pub(super) fn clips(folder: &Path, case: &str, report: &mut ParityReport<'_>) -> Result<()> {
    let golden = seqformer_testing::read_json(&folder.join("inference.json"))?;
    let golden = golden.get(case).with_context(|| format!("there is no {case}"))?;
    let opts = golden["opts"].as_str().context("there are no opts")?;
    // The case writes `KEY VALUE` pairs of one section without its name.
    let word = |(index, word): (usize, &str)| match index % 2 {
        0 => format!("MODEL.SeqFormer.{word}"),
        _ => word.to_owned(),
    };
    let opts: Vec<String> = opts.split_whitespace().enumerate().map(word).collect();
    let config = network::config(&network::shipped("base_ytvis.yaml"), &opts)?;
    let predictor = predictor(config, report.device())?;
    predictor.options().clips.context("the case has no clips")?;
    compare_results(&predictor, &frames_of(golden)?, golden, report)
}

/// The frames of a case, `[T, 3, H, W]`.
fn frames_of(golden: &Value) -> Result<Tensor> {
    let side = |name: &str| integer(&golden[name]);
    let (frames, height, width) = (side("T")?, side("H")?, side("W")?);
    let pixels = formula_pixels(SEED, (frames * 3 * height * width) as usize);
    Ok(Tensor::from_slice(&pixels).view([frames, 3, height, width]))
}

/// Compares results with their summary; `area` gives the pixels of a rank on a frame.
fn compare_detections(
    found: &[Detection],
    num_frames: usize,
    area: &dyn Fn(usize, usize) -> f64,
    expected: &Value,
    output: ImageSize,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    report.exact(
        "results count",
        found.len().abs_diff(integer(&expected["n"])? as usize),
        found.len(),
    );
    let first = found.iter().take(10);
    let scores: Vec<f64> = first.clone().map(|found| f64::from(found.score)).collect();
    report.numbers("results scores", &scores, &numbers(&expected["scores_first10"])?, 1e-5);
    let labels: Vec<f64> = first.clone().map(|found| found.label as f64).collect();
    report.numbers("results labels", &labels, &numbers(&expected["labels_first10"])?, 0.0);
    let areas: Vec<f64> =
        first.flat_map(|found| (0..num_frames).map(|frame| area(found.rank, frame))).collect();
    let lists = expected["areas_first10"].as_array().context("there are no areas")?;
    let lists = lists.iter().map(numbers).collect::<Result<Vec<_>>>()?.concat();
    let pixels = output.num_pixels() as f64;
    report.numbers("results areas", &areas, &lists, (pixels / PIXELS_FOR_ONE_OFF).ceil());
    let sum: f64 = found.iter().map(|found| f64::from(found.score)).sum();
    let expected_sum = expected["score_sum"].as_f64().context("there is no sum of scores")?;
    report.number("results score_sum", (sum - expected_sum).abs(), 1e-5 * found.len() as f64);
    let area_sum: f64 = found
        .iter()
        .map(|found| (0..num_frames).map(|frame| area(found.rank, frame)).sum::<f64>())
        .sum();
    let expected_sum = integer(&expected["area_sum"])? as f64;
    let all_pixels = pixels * num_frames as f64 * found.len() as f64;
    report.number(
        "results area_sum",
        (area_sum - expected_sum).abs(),
        all_pixels / PIXELS_FOR_ONE_OFF,
    );
    Ok(())
}
