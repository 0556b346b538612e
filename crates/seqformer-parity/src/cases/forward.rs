//! `tiny_forward`: every intermediate of one forward pass of a tiny network.

use std::path::Path;

use anyhow::{Context as _, Result};
use seqformer::inference::InferenceModel;
use seqformer::{Heads, KeepLayers, Memory};
use tch::{Device, Tensor};

use crate::arrays::{Arrays, max_abs};
use crate::network::{self, Network};
use crate::report::ParityReport;

/// Frames that are encoded together, to show that it does not matter.
const PART: i64 = 3;

struct Checks<'a, 'b> {
    golden: Arrays,
    report: &'a mut ParityReport<'b>,
}

impl Checks<'_, '_> {
    /// The tolerance of intermediates: about ten times the reference's own noise.
    fn close(&mut self, name: &str, found: &Tensor) -> Result<()> {
        let expected = self.golden.get(name)?;
        self.report.close(name, found, &expected, 2e-5 + 2e-5 * max_abs(&expected));
        Ok(())
    }

    fn within(&mut self, name: &str, found: &Tensor, tolerance: f64) -> Result<()> {
        self.report.close(name, found, &self.golden.get(name)?, tolerance);
        Ok(())
    }
}

pub(super) fn run(folder: &Path, report: &mut ParityReport<'_>) -> Result<()> {
    let config = network::config(&folder.join("tiny_config.yaml"), &[])?;
    let golden = Arrays::read(&folder.join("tiny_forward.safetensors"))?;
    for weights in ["tiny_model.pth", "tiny_model.safetensors"] {
        let loaded =
            Network::from_checkpoint(config.clone(), &folder.join(weights), report.device());
        report.exact(weights, usize::from(loaded.is_err()), 1);
        loaded?;
    }
    let weights = folder.join("tiny_model.pth");
    let network = Network::from_checkpoint(config, &weights, report.device())?.prepare();
    tch::no_grad(|| compare(&network.model, &mut Checks { golden, report }))
}

fn compare(model: &InferenceModel, checks: &mut Checks<'_, '_>) -> Result<()> {
    let frames = checks.golden.get("frames_u8")?;
    let num_frames = frames.size()[0];
    let size = seqformer::size_of_frames(&frames).context("frames are [T, 3, H, W]")?;
    let layout = model.token_layout(&[size]);
    checks.within("input.tensor", &model.preprocess(&frames, size)?, 1e-6)?;
    let sizes = vec![size; num_frames as usize];
    checks.within(
        "input.mask",
        &seqformer::padding_mask(&sizes, seqformer::padded_size(size), Device::Cpu),
        0.0,
    )?;
    for (level, padding) in layout.level_padding().iter().enumerate() {
        let padding = padding.unsqueeze(1).expand([-1, num_frames, -1, -1], false);
        checks.within(&format!("level_mask.{level}"), &padding, 0.0)?;
    }
    for (level, position) in layout.level_positions().iter().enumerate() {
        let position = position.permute([0, 3, 1, 2]).unsqueeze(1);
        checks.within(&format!("pos.{level}.frame0"), &position, 1e-6)?;
    }
    checks.close("valid_ratios", layout.valid_ratios())?;
    checks.close("encoder.reference_points", layout.reference_points())?;
    let mut memory = Memory::default();
    let mut stages: Vec<Vec<Tensor>> = Vec::new();
    for part in frames.split(PART, 0) {
        let features = model.backbone_features(&model.preprocess(&part, size)?);
        let maps = model.project(&features);
        let mut layers = Vec::new();
        let encoded = model.encode(&maps, &layout, &mut |layer| layers.push(layer.shallow_clone()));
        let mask_features = model.mask_features(&encoded.get(0), &layout);
        memory.parts.push(encoded);
        let first_layer = layers.swap_remove(0);
        stages.push(features.into_iter().chain(maps).chain([first_layer, mask_features]).collect());
    }
    let stage = |index: usize, axis: i64| {
        Tensor::cat(&stages.iter().map(|stages| &stages[index]).collect::<Vec<_>>(), axis)
    };
    checks.close("backbone.res2.frame0", &stage(0, 0).narrow(0, 0, 1))?;
    for level in 0..3 {
        checks.close(&format!("backbone.res{}", level + 3), &stage(level + 1, 0))?;
    }
    for level in 0..4 {
        checks.close(&format!("input_proj.{level}"), &stage(4 + level, 0))?;
    }
    checks.close("encoder.layer0", &stage(8, 1))?;
    checks.close("memory", &Tensor::cat(&memory.parts, 1))?;
    let mask_features = stage(9, 0);
    checks.close("mask_feat", &mask_features.unsqueeze(0))?;
    let output = model.decode(&memory, &layout, KeepLayers::All);
    let all = |pick: fn(&seqformer::DecoderLayerOutput) -> &Tensor| {
        Tensor::stack(&output.layers.iter().map(pick).collect::<Vec<_>>(), 0)
    };
    checks.close("hs", &all(|layer| &layer.instance_queries))?;
    checks.close("hs_box", &all(|layer| &layer.box_queries))?;
    checks.close("inter_references", &all(|layer| &layer.pred_boxes))?;
    checks.close("init_reference", &output.layers[0].references)?;
    for (index, layer) in output.layers.iter().enumerate() {
        let heads = model.heads(layer, index, &[size]);
        compare_heads(model, &heads, &layer.pred_boxes, &mask_features, index, checks)?;
    }
    Ok(())
}

fn compare_heads(
    model: &InferenceModel,
    heads: &Heads,
    boxes: &Tensor,
    mask_features: &Tensor,
    index: usize,
    checks: &mut Checks<'_, '_>,
) -> Result<()> {
    let masks =
        model.masks(mask_features, &heads.dynamic_params.get(0), &heads.reference_points_px.get(0));
    let name = |what: &str| format!("dec{index}.{what}");
    checks.close(&name("class_logits"), &heads.pred_logits)?;
    checks.close(&name("boxes"), boxes)?;
    checks.close(&name("dynamic_params_all"), &heads.dynamic_params)?;
    checks.within(&name("mask_ref_points"), &heads.reference_points_px, 5e-4)?;
    checks.within(&name("mask_logits"), &masks.unsqueeze(0), 2e-4)?;
    if index == model.last_layer() {
        checks.close("out.pred_logits", &heads.pred_logits)?;
        checks.close("out.pred_boxes", boxes)?;
    }
    Ok(())
}
