//! `tiny_train`, `tiny_optim` and `training.json`: losses, matches, gradients and optimizer steps.

mod formula;
mod optimizer;

use std::path::Path;

use anyhow::{Context as _, Result};
use seqformer::{
    ClipTarget, KeepLayers, Losses, Predictions, TrainLayer, TrainOutput, mean_instances,
};
use seqformer_engine::{Gradients, Optimizer, builder};
use seqformer_masks::ImageSize;
use tch::{Device, Kind, Tensor};

use crate::arrays::{Arrays, max_abs, values};
use crate::network::{self, Network};
use crate::report::ParityReport;

pub(super) use formula::run as formula;
pub(super) use optimizer::run as optimizer;

/// Losses may be off by this share.
const LOSS_SHARE: f64 = 1e-5;
/// Gradients may be off by this share of the largest of their tensor, and by this much besides.
const GRADIENT_SHARE: f64 = 1e-4;
const GRADIENT_FLOOR: f64 = 1e-6;

/// The clips and targets of `tiny_train`.
struct Batch {
    clips: Vec<Tensor>,
    targets: Vec<ClipTarget>,
}

impl Batch {
    fn read(golden: &Arrays, device: Device) -> Result<Self> {
        let mut batch = Self { clips: Vec::new(), targets: Vec::new() };
        for clip in (0..).take_while(|clip| golden.contains(&format!("video{clip}.frames_u8"))) {
            let field = |name: &str| golden.get(&format!("video{clip}.target.{name}"));
            let size = integers(&field("size")?);
            batch.clips.push(golden.get(&format!("video{clip}.frames_u8"))?);
            let target = ClipTarget {
                labels: integers(&field("labels")?),
                boxes: field("boxes")?,
                masks: field("masks_u8")?.to_kind(Kind::Bool),
                size: ImageSize::from_sides(size[0], size[1]).context("a size is two sides")?,
                exhaustive: None,
            };
            batch.targets.push(target.to_device(device));
        }
        Ok(batch)
    }

    fn forward(&self, network: &Network) -> Result<TrainOutput> {
        let matcher = builder::matcher(&network.config);
        Ok(network.model.forward_train(&self.clips, &self.targets, &matcher, KeepLayers::All)?)
    }

    fn losses(&self, network: &Network, output: &TrainOutput) -> Losses {
        let num_boxes = mean_instances(&self.targets, 1, |sum| sum);
        builder::criterion(&network.config).forward(output, &self.targets, num_boxes)
    }
}

fn integers(tensor: &Tensor) -> Vec<i64> {
    values(tensor).into_iter().map(|value| value as i64).collect()
}

fn tiny_network(folder: &Path, device: Device) -> Result<Network> {
    let config = network::config(&folder.join("tiny_config.yaml"), &[])?;
    Network::from_checkpoint(config, &folder.join("tiny_model.pth"), device)
}

/// Every loss, match and gradient of one batch.
pub(super) fn run(folder: &Path, report: &mut ParityReport<'_>) -> Result<()> {
    let network = tiny_network(folder, report.device())?;
    let golden = Arrays::read(&folder.join("tiny_train.safetensors"))?;
    let batch = Batch::read(&golden, report.device())?;
    let output = batch.forward(&network)?;
    compare_layers(&network, &batch, &output, &golden, report)?;
    let losses = batch.losses(&network, &output);
    let mut number = |name: &str, found: &Tensor| {
        let expected = golden.get(name)?.double_value(&[]);
        let tolerance = LOSS_SHARE * expected.abs();
        report.number(name, (found.double_value(&[]) - expected).abs(), tolerance);
        Ok::<_, anyhow::Error>(())
    };
    for (name, value) in losses.logged() {
        number(&format!("loss_weighted.{name}"), value)?;
    }
    number("total_loss", &losses.total())?;
    number("total_loss_with_class_error", &(losses.total() + &losses.class_error))?;
    compare_gradients(folder, &network, &losses.total(), report)
}

fn compare_layers(
    network: &Network,
    batch: &Batch,
    output: &TrainOutput,
    golden: &Arrays,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    let stack = |pick: fn(&TrainLayer) -> &Tensor| {
        Tensor::stack(&output.layers.iter().map(pick).collect::<Vec<_>>(), 0).detach()
    };
    let predictions = Predictions {
        logits: stack(|layer| &layer.pred_logits),
        boxes: stack(|layer| &layer.pred_boxes),
    };
    let costs = builder::matcher(&network.config).costs(&predictions, &batch.targets);
    let mut close = |name: &str, found: &Tensor, tolerance: Option<f64>| {
        let expected = golden.get(name)?;
        let tolerance = tolerance.unwrap_or_else(|| 2e-5 + 2e-5 * max_abs(&expected));
        report.close(name, &found.detach(), &expected, tolerance);
        Ok::<_, anyhow::Error>(())
    };
    for (index, layer) in output.layers.iter().enumerate() {
        close(&format!("dec{index}.class_logits"), &layer.pred_logits, None)?;
        close(&format!("dec{index}.boxes"), &layer.pred_boxes, None)?;
        let mut start = 0;
        for (clip, matches) in layer.matches.iter().enumerate() {
            let name = |field: &str| format!("dec{index}.video{clip}.{field}");
            close(&name("match_query"), &Tensor::from_slice(&matches.queries), Some(0.0))?;
            close(&name("match_target"), &Tensor::from_slice(&matches.targets), Some(0.0))?;
            close(&name("cost"), &costs[clip].get(index as i64), None)?;
            let count = matches.queries.len() as i64;
            let masks = layer.pred_masks.narrow(0, start, count).unsqueeze(0);
            close(&name("masks"), &masks, Some(2e-4))?;
            start += count;
        }
    }
    Ok(())
}

fn compare_gradients(
    folder: &Path,
    network: &Network,
    loss: &Tensor,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    let golden = Arrays::read(&folder.join("tiny_train_grads.safetensors"))?;
    let optimizer = Optimizer::new(&network.variables, &builder::optimizer_config(&network.config));
    let gradients: Gradients = optimizer.gradients(loss)?;
    for (group, gradient) in optimizer.groups().iter().zip(&gradients.tensors) {
        let name = &group.name;
        let is_expected = golden.contains(&format!("norm/{name}"));
        let Some(gradient) = gradient else {
            report.exact(&format!("no gradient of {name}"), usize::from(is_expected), 1);
            continue;
        };
        if !is_expected {
            report.missing(&format!("gradient of {name}"), "the reference has none");
            continue;
        }
        // The softmax over frames does not change with this bias: what is there is noise.
        let share =
            if name.ends_with("time_attention_weights.bias") { 0.0 } else { GRADIENT_SHARE };
        let flat = gradient.flatten(0, -1);
        let mut close = |what: &str, found: &Tensor| {
            let expected = golden.get(&format!("{what}/{name}"))?;
            report.close(
                &format!("{what}/{name}"),
                found,
                &expected,
                share * max_abs(&expected) + GRADIENT_FLOOR,
            );
            Ok::<_, anyhow::Error>(())
        };
        close("norm", &flat.norm())?;
        if flat.numel() < 4096 {
            close("full", gradient)?;
            continue;
        }
        close("first16", &flat.narrow(0, 0, 16))?;
        let step = stride_of(flat.numel() as i64).context("a tensor without a stride")?;
        close("strided256", &flat.slice(0, 0, 255 * step + 1, step))?;
    }
    Ok(())
}

/// The largest step for 256 elements that shares no factor with 2 and 3.
fn stride_of(count: i64) -> Option<i64> {
    (1..=count / 256).rev().find(|step| step % 2 != 0 && step % 3 != 0)
}
