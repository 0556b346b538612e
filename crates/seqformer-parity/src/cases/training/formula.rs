//! `training.json`: one step of the full-size network with weights by formula.

use std::path::Path;

use anyhow::{Context as _, Result};
use seqformer::{ClipTarget, KeepLayers, mean_instances};
use seqformer_engine::{Gradients, Optimizer, builder};
use seqformer_masks::ImageSize;
use seqformer_testing::{formula_pixels, formula_weights, summary_index};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use crate::arrays::{integer, values};
use crate::network::{self, Network};
use crate::report::ParityReport;

const LOSS_SHARE: f64 = 1e-4;
const GRADIENT_SHARE: f64 = 1e-3;

pub(in crate::cases) fn run(folder: &Path, report: &mut ParityReport<'_>) -> Result<()> {
    let golden = seqformer_testing::read_json(&folder.join("training.json"))?;
    // `FILE KEY VALUE …`
    let mut words = golden["config"].as_str().context("there is no config")?.split_whitespace();
    let file = words.next().context("the config names no file")?;
    let opts: Vec<String> = words.map(str::to_owned).collect();
    let config = network::config(&network::shipped(file), &opts)?;
    let network = Network::from_formula(config, formula_weights, report.device())?;
    let clips = golden["clips"].as_array().context("there are no clips")?;
    let frames = clips.iter().map(frames).collect::<Result<Vec<_>>>()?;
    let on_device = |clip| Ok(target(clip)?.to_device(report.device()));
    let targets = clips.iter().map(on_device).collect::<Result<Vec<_>>>()?;
    let matcher = builder::matcher(&network.config);
    let output = network.model.forward_train(&frames, &targets, &matcher, KeepLayers::All)?;
    let (mut off, mut pairs) = (0, 0);
    let expected =
        golden["matched_query_and_target_per_layer_per_clip"].as_array().context("no matches")?;
    for (layer, expected) in output.layers.iter().zip(expected) {
        for (clip, matches) in layer.matches.iter().enumerate() {
            let found = [&matches.queries, &matches.targets];
            let expected = serde_json::from_value::<[Vec<i64>; 2]>(expected[clip].clone())?;
            off += usize::from(found != [&expected[0], &expected[1]]);
            pairs += 1;
        }
    }
    report.exact("matches", off, pairs);
    let num_boxes = mean_instances(&targets, 1, |sum| sum);
    let losses = builder::criterion(&network.config).forward(&output, &targets, num_boxes);
    for (name, value) in losses.logged() {
        let expected =
            golden["losses"][name].as_f64().with_context(|| format!("there is no {name}"))?;
        report.number(
            name,
            (value.double_value(&[]) - expected).abs(),
            LOSS_SHARE * expected.abs(),
        );
    }
    let mut optimizer =
        Optimizer::new(&network.variables, &builder::optimizer_config(&network.config));
    report.exact(
        "param_groups",
        optimizer.groups().len().abs_diff(integer(&golden["param_groups"])? as usize),
        1,
    );
    let gradients = optimizer.gradients(&losses.total())?;
    drop((losses, output));
    step(&network, &mut optimizer, gradients, &golden, report)
}

fn step(
    network: &Network,
    optimizer: &mut Optimizer,
    gradients: Gradients,
    golden: &Value,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    let names: Vec<String> = optimizer.groups().iter().map(|group| group.name.clone()).collect();
    let index = |name: &str| {
        names
            .iter()
            .position(|known| known == name)
            .with_context(|| format!("there is no parameter {name}"))
    };
    for (name, expected) in golden["grads"].as_object().context("there are no gradients")? {
        let found = gradients.tensors[index(name)?]
            .as_ref()
            .with_context(|| format!("{name} has no gradient"))?;
        let largest = expected["absmax"].as_f64().unwrap_or(1.0);
        compare_summary(
            &format!("gradient of {name}"),
            found,
            expected,
            GRADIENT_SHARE * largest,
            report,
        )?;
    }
    let clip =
        builder::grad_clip(&network.config).context("the configuration clips no gradients")?;
    let clipped = clip.apply(gradients)?;
    let norm = clipped.norm.context("the norm was not computed")?.double_value(&[]);
    let expected = golden["grad_norm_total"].as_f64().context("there is no norm")?;
    report.number("grad_norm_total", (norm - expected).abs(), LOSS_SHARE * expected);
    let deltas =
        golden["param_delta_after_one_step"].as_object().context("there are no changes")?;
    let before = deltas
        .keys()
        .map(|name| Ok((name, optimizer.groups()[index(name)?].parameter.detach().copy())))
        .collect::<Result<Vec<_>>>()?;
    optimizer.step(&clipped.gradients, 1.0)?;
    for (name, before) in before {
        let tolerance = if name.contains("backbone") { 1e-7 } else { 1e-6 };
        let delta = optimizer.groups()[index(name)?].parameter.detach() - before;
        compare_summary(&format!("change of {name}"), &delta, &deltas[name], tolerance, report)?;
    }
    Ok(())
}

/// Sampled values, the mean and the largest magnitude.
fn compare_summary(
    name: &str,
    found: &Tensor,
    golden: &Value,
    tolerance: f64,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    let all = values(found);
    let expected = serde_json::from_value::<Vec<f64>>(golden["val"].clone())?;
    let mut numbers: Vec<f64> =
        (0..expected.len()).map(|k| all[summary_index(k, all.len())]).collect();
    let mut expected = expected;
    let magnitude = all.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    numbers.extend([all.iter().sum::<f64>() / all.len() as f64, magnitude]);
    for field in ["mean", "absmax"] {
        expected.push(golden[field].as_f64().with_context(|| format!("{name} has no {field}"))?);
    }
    report.numbers(name, &numbers, &expected, tolerance);
    Ok(())
}

fn num_frames(clip: &Value) -> usize {
    clip["instances"][0][1].as_array().map_or(0, Vec::len)
}

fn frames(clip: &Value) -> Result<Tensor> {
    let sizes = [num_frames(clip) as i64, 3, integer(&clip["H"])?, integer(&clip["W"])?];
    let seed = clip["image_seed"].as_u64().context("a clip has no seed")?;
    let pixels = formula_pixels(seed, sizes.iter().product::<i64>() as usize);
    Ok(Tensor::from_slice(&pixels).view(sizes))
}

/// Instances are rectangles (y0, x0, y1, x1) of pixels; null on frames where they are absent.
fn target(clip: &Value) -> Result<ClipTarget> {
    let (height, width) = (integer(&clip["H"])?, integer(&clip["W"])?);
    let instances = clip["instances"].as_array().context("a clip has no instances")?;
    let sizes = [instances.len() as i64, num_frames(clip) as i64];
    let masks = Tensor::zeros([sizes[0], sizes[1], height, width], (Kind::Bool, Device::Cpu));
    let mut boxes = vec![[0.0_f32; 4]; (sizes[0] * sizes[1]) as usize];
    let mut labels = Vec::new();
    for (i, instance) in instances.iter().enumerate() {
        labels.push(integer(&instance[0])?);
        for t in 0..sizes[1] as usize {
            let Ok([y0, x0, y1, x1]) = serde_json::from_value::<[i64; 4]>(instance[1][t].clone())
            else {
                continue;
            };
            let _filled = masks
                .get(i as i64)
                .get(t as i64)
                .slice(0, y0, y1, 1)
                .slice(1, x0, x1, 1)
                .fill_(1.0);
            let (w, h) = (width as f32, height as f32);
            let (x0, y0, x1, y1) = (x0 as f32 / w, y0 as f32 / h, x1 as f32 / w, y1 as f32 / h);
            boxes[i * sizes[1] as usize + t] =
                [f32::midpoint(x0, x1), f32::midpoint(y0, y1), x1 - x0, y1 - y0];
        }
    }
    let boxes = Tensor::from_slice(boxes.as_flattened()).view([sizes[0], sizes[1], 4]);
    let size = ImageSize::from_sides(height, width).context("H and W are sides")?;
    Ok(ClipTarget { labels, boxes, masks, size, exhaustive: None })
}
