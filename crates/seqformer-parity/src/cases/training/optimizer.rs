//! `tiny_optim`: the groups of the optimizer, and five of its steps.

use std::path::Path;

use anyhow::{Context as _, Result};
use seqformer_engine::{Optimizer, builder};
use tch::Kind;

use super::{Batch, LOSS_SHARE, tiny_network};
use crate::arrays::Arrays;
use crate::report::ParityReport;

/// The reference's own rounding is 1.3e-4 of the norm.
const NORM_SHARE: f64 = 1e-3;
const SUM_TOLERANCE: f64 = 1e-3;
const NUM_STEPS: i64 = 5;

pub(in crate::cases) fn run(folder: &Path, report: &mut ParityReport<'_>) -> Result<()> {
    let network = tiny_network(folder, report.device())?;
    let batch = Arrays::read(&folder.join("tiny_train.safetensors"))?;
    let batch = Batch::read(&batch, report.device())?;
    let golden = Arrays::read(&folder.join("tiny_optim.safetensors"))?;
    let mut optimizer =
        Optimizer::new(&network.variables, &builder::optimizer_config(&network.config));
    compare_groups(folder, &optimizer, report)?;
    let clip =
        builder::grad_clip(&network.config).context("the configuration clips no gradients")?;
    for step in 0..NUM_STEPS {
        let output = batch.forward(&network)?;
        let losses = batch.losses(&network, &output);
        let total = losses.total();
        let clipped = clip.apply(optimizer.gradients(&total)?)?;
        let norm = clipped.norm.context("the norm was not computed")?;
        let with_error = &total + &losses.class_error;
        let numbers = [
            ("total_loss", &total, LOSS_SHARE),
            ("total_loss_with_class_error", &with_error, LOSS_SHARE),
            ("grad_norm_before_clip", &norm, NORM_SHARE),
        ];
        for (name, found, share) in numbers {
            let expected = golden.get(name)?.double_value(&[step]);
            let difference = (found.double_value(&[]) - expected).abs();
            report.number(
                &format!("{name} before step {}", step + 1),
                difference,
                share * expected.abs(),
            );
        }
        optimizer.step(&clipped.gradients, 1.0)?;
        match step {
            0 => compare_parameters(&golden, &optimizer, "step1", 2e-6, report)?,
            4 => compare_parameters(&golden, &optimizer, "step5", 1e-5, report)?,
            _ => {}
        }
    }
    Ok(())
}

fn compare_groups(
    folder: &Path,
    optimizer: &Optimizer,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    let meta = seqformer_testing::read_json(&folder.join("tiny_optim_meta.json"))?;
    let expected = meta["groups"].as_array().context("there are no groups")?;
    let groups = optimizer.groups();
    let is_off = |index: usize| {
        let (group, expected) = (&groups[index], &expected[index]);
        let close = |found: f64, key: &str| {
            expected[key].as_f64().is_some_and(|value| (found - value).abs() < 1e-15)
        };
        let same = expected["name"].as_str() == Some(&group.name);
        !(same && close(group.lr, "lr") && close(group.weight_decay, "weight_decay"))
    };
    let off = (0..groups.len().min(expected.len())).filter(|&index| is_off(index)).count();
    report.exact("groups", off + groups.len().abs_diff(expected.len()), expected.len());
    Ok(())
}

fn compare_parameters(
    golden: &Arrays,
    optimizer: &Optimizer,
    step: &str,
    tolerance: f64,
    report: &mut ParityReport<'_>,
) -> Result<()> {
    for group in optimizer.groups() {
        let flat = group.parameter.detach().flatten(0, -1).to_kind(Kind::Double);
        let head = flat.narrow(0, 0, flat.size()[0].min(8));
        let found = [
            ("sum", flat.sum(Kind::Double), SUM_TOLERANCE),
            ("abs_sum", flat.abs().sum(Kind::Double), SUM_TOLERANCE),
            ("first8", head, tolerance),
        ];
        for (what, found, tolerance) in found {
            let name = format!("{step}/{what}/{}", group.name);
            report.close(&name, &found, &golden.get(&name)?, tolerance);
        }
    }
    Ok(())
}
