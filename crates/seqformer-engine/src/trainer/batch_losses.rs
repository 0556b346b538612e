//! The losses of a batch as numbers: added up over its parts, for other processes, for messages and for the logs.

use seqformer::Losses;
use tch::{Kind, Tensor};

use crate::{EngineError, Metrics};

/// More than all decoder layers have losses.
const MAX_LOSSES: usize = 256;

/// Adds the losses of a part of the batch; those of broken predictions are not numbers.
pub(super) fn add_losses(
    sums: &mut Vec<(String, f64)>,
    losses: Option<&Losses>,
    class_error_share: f64,
) -> Result<(), EngineError> {
    let Some(losses) = losses else {
        if sums.is_empty() {
            sums.push(("the predictions".to_owned(), f64::NAN));
        }
        for (_, sum) in sums {
            *sum = f64::NAN;
        }
        return Ok(());
    };
    let logged = losses.logged();
    let names: Vec<String> = logged.iter().map(|(name, _)| (*name).to_owned()).collect();
    // One transfer for all.
    let values: Vec<&Tensor> = logged.into_iter().map(|(_, value)| value).collect();
    let values = Tensor::stack(&values, 0).to_kind(Kind::Double);
    let values = Vec::<f64>::try_from(values.detach().to_device(tch::Device::Cpu))?;
    for (index, (name, value)) in names.into_iter().zip(values).enumerate() {
        let value = if name == "class_error" { value * class_error_share } else { value };
        match sums.get_mut(index) {
            Some((_, sum)) => *sum += value,
            None => sums.push((name, value)),
        }
    }
    Ok(())
}

pub(super) fn is_finite(losses: &[(String, f64)]) -> bool {
    losses.iter().all(|(_, value)| value.is_finite())
}

/// The numbers for the other processes, of the same length in all of them.
pub(super) fn numbers(losses: &[(String, f64)]) -> Vec<f64> {
    let mut numbers: Vec<f64> = losses.iter().map(|(_, value)| *value).collect();
    let is_finite = is_finite(losses);
    numbers.resize(MAX_LOSSES, if is_finite { 0.0 } else { f64::NAN });
    numbers
}

pub(super) fn describe_broken(losses: &[(String, f64)]) -> String {
    let broken = losses.iter().filter(|(_, value)| !value.is_finite());
    let broken: Vec<String> = broken.map(|(name, value)| format!("{name} = {value}")).collect();
    broken.join(", ")
}

/// All losses, their sum as the reference logs it (with `class_error`), and the sum that is trained.
pub(super) fn record_losses(metrics: &mut Metrics, losses: &[(String, f64)]) {
    let total: f64 = losses.iter().map(|(_, value)| value).sum();
    let class_error: f64 =
        losses.iter().filter(|(name, _)| name == "class_error").map(|(_, value)| value).sum();
    metrics.record("total_loss", total);
    for (name, value) in losses {
        metrics.record(name, *value);
    }
    metrics.record("optimized_loss", total - class_error);
}
