//! `full_formula_*`: full-size networks whose weights follow the common formula.

use std::path::Path;

use anyhow::{Context as _, Result};
use seqformer::{KeepLayers, Memory};
use seqformer_testing::{common_name, common_range, common_weights, fnv1a};
use serde_json::Value;
use tch::{Kind, Tensor};

use crate::arrays::{Arrays, integer, numbers, values};
use crate::network::{self, Network, Prepared};
use crate::report::ParityReport;

/// Sums may be off by this share of the sum of magnitudes.
const SUM_SHARE: f64 = 1e-5;

pub(super) fn full_size(
    folder: &Path,
    name: &str,
    config: &str,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    let config = network::config(&network::shipped(config), &[])?;
    check_formula(&folder.join(format!("full_formula_{name}_check.json")), report)?;
    let golden = Arrays::read(&folder.join(format!("full_formula_{name}.safetensors")))?;
    let network = Network::from_formula(config, common_weights, report.device())?.prepare();
    tch::no_grad(|| compare(&network, &golden, report))
}

/// The generator of the weights itself.
fn check_formula(path: &Path, report: &mut ParityReport<'_>) -> Result<()> {
    let check = seqformer_testing::read_json(path)?;
    let tensors = check.as_object().context("the check file is not an object")?;
    for (name, entry) in tensors {
        let shape: Vec<i64> =
            numbers(&entry["shape"])?.into_iter().map(|side| side as i64).collect();
        let hashed = common_name(name);
        let hash = entry["fnv1a64"].as_str().and_then(|text| text.parse().ok());
        let range = common_range(&hashed, &shape);
        let weights: Vec<f64> = common_weights(name, &shape).into_iter().map(f64::from).collect();
        let first = numbers(&entry["first4"])?;
        let same = hash == Some(fnv1a(&hashed))
            && numbers(&entry["offset_scale"])? == [range.offset, range.scale]
            && weights[..first.len()] == first;
        report.exact(&format!("formula {name}"), usize::from(!same), 1);
        let sum = entry["sum_float64"].as_f64().context("there is no sum")?;
        report.number(
            &format!("formula {name} sum"),
            (weights.iter().sum::<f64>() - sum).abs(),
            1e-8 * weights.len() as f64,
        );
    }
    Ok(())
}

fn compare(network: &Prepared, golden: &Arrays, report: &mut ParityReport<'_>) -> Result<()> {
    let model = &network.model;
    let frames = golden.get("frames_u8")?;
    let size = seqformer::size_of_frames(&frames).context("frames are [T, 3, H, W]")?;
    let layout = model.token_layout(&[size]);
    let mut sums = |name: &str, found: &Tensor, axes: &[i64]| {
        // Pairs of a sum and the sum of magnitudes.
        let found = found.to_kind(Kind::Double);
        let magnitude = found.abs().sum_dim_intlist(axes, false, Kind::Double);
        let pairs =
            Tensor::stack(&[&found.sum_dim_intlist(axes, false, Kind::Double), &magnitude], -1);
        let expected = golden.get(name)?;
        let tolerance = SUM_SHARE * magnitude.max().double_value(&[]);
        report.close(name, &pairs, &expected, tolerance);
        Ok::<_, anyhow::Error>(())
    };
    let features = model.backbone_features(&model.preprocess(&frames, size)?);
    for (stage, map) in features.iter().enumerate() {
        sums(&format!("backbone.res{}.sum_abs_sum", stage + 2), map, &[1, 2, 3])?;
    }
    let maps = model.project(&features);
    for (level, map) in maps.iter().enumerate() {
        sums(&format!("input_proj.{level}.sum_abs_sum"), map, &[1, 2, 3])?;
    }
    let memory = model.encode(&maps, &layout, &mut |_| {});
    let mut abs_sums = |name: &str, found: &Tensor, axes: &[i64]| {
        let found = found.to_kind(Kind::Double).abs().sum_dim_intlist(axes, false, Kind::Double);
        let tolerance = SUM_SHARE * found.max().double_value(&[]);
        report.close(name, &found, &golden.get(name)?, tolerance);
        Ok::<_, anyhow::Error>(())
    };
    abs_sums("memory_abs_sum_per_frame", &memory, &[2, 3])?;
    let mask_features = model.mask_features(&memory.get(0), &layout);
    let memory = Memory { parts: vec![memory] };
    let output = model.decode(&memory, &layout, KeepLayers::All);
    let hidden: Vec<&Tensor> = output.layers.iter().map(|layer| &layer.instance_queries).collect();
    abs_sums("hs_abs_sum_per_layer", &Tensor::stack(&hidden, 0), &[1, 2, 3])?;
    let last = &output.layers[model.last_layer()];
    let heads = model.heads(last, model.last_layer(), &[size]);
    abs_sums("dynamic_params_abs_sum", &heads.dynamic_params, &[2])?;
    let masks = model.masks(
        &mask_features,
        &heads.dynamic_params.get(0),
        &heads.reference_points_px.get(0),
    );
    let mut close = |name: &str, found: &Tensor, tolerance: f64| {
        report.close(name, found, &golden.get(name)?, tolerance);
        Ok::<_, anyhow::Error>(())
    };
    close("valid_ratios", layout.valid_ratios(), 1e-6)?;
    close("pred_logits", &heads.pred_logits, 1e-4)?;
    close("pred_boxes", &last.pred_boxes, 2e-5)?;
    close("mask_logits_first8", &masks.narrow(0, 0, 8), 3e-4)?;
    let double = masks.to_kind(Kind::Double);
    let axes: &[i64] = &[2, 3];
    close("mask_sum", &double.sum_dim_intlist(axes, false, Kind::Double), 0.05)?;
    close("mask_abs_sum", &double.abs().sum_dim_intlist(axes, false, Kind::Double), 0.05)?;
    close("mask_positive_count", &masks.gt(0.0).sum_dim_intlist(axes, false, Kind::Int64), 3.0)
}

/// Values of a tensor at the places that a summary of `formula/` names.
pub(super) fn sampled(tensor: &Tensor, summary: &Value) -> Result<(Vec<f64>, Vec<f64>)> {
    let all = values(tensor);
    let at = summary["idx"].as_array().context("a summary has no places")?;
    let found = at.iter().map(|index| {
        let index = usize::try_from(integer(index)?)?;
        all.get(index).copied().with_context(|| format!("there is no element {index}"))
    });
    Ok((found.collect::<Result<_>>()?, numbers(&summary["val"])?))
}
