//! The losses of a batch as numbers: summed over its parts, for other processes, messages and logs.

use seqformer::Losses;
use seqformer_cuda::transfer::Download;
use seqformer_logs::Metrics;
use tch::{Kind, Tensor};

use crate::EngineError;

/// More than the losses of all decoder layers.
const MAX_LOSSES: usize = 256;

/// The losses of a micro-batch in transfer to the host, all at once.
pub(super) struct LossNumbers {
    names: Vec<String>,
    /// `None` for broken predictions.
    values: Option<Download>,
}

impl LossNumbers {
    /// Starts the transfer right after the losses are computed; later work on the device does not delay it.
    pub(super) fn start(losses: Option<&Losses>) -> Result<Self, EngineError> {
        let logged = losses.map(Losses::logged).unwrap_or_default();
        let names = logged.iter().map(|(name, _)| (*name).to_owned()).collect();
        let values: Vec<&Tensor> = logged.into_iter().map(|(_, value)| value).collect();
        let values = if values.is_empty() {
            None
        } else {
            let values = Tensor::stack(&values, 0).to_kind(Kind::Double).detach();
            Some(Download::start(&values)?)
        };
        Ok(Self { names, values })
    }

    /// Waits for the losses and adds them to `sums`; those of broken predictions are not finite.
    pub(super) fn add_to(
        self,
        sums: &mut Vec<(String, f64)>,
        class_error_share: f64,
    ) -> Result<(), EngineError> {
        let Some(values) = self.values else {
            if sums.is_empty() {
                sums.push(("the predictions".to_owned(), f64::NAN));
            }
            for (_, sum) in sums {
                *sum = f64::NAN;
            }
            return Ok(());
        };
        let values = Vec::<f64>::try_from(values.wait()?)?;
        for (index, (name, value)) in self.names.into_iter().zip(values).enumerate() {
            let value = if name == "class_error" { value * class_error_share } else { value };
            match sums.get_mut(index) {
                Some((_, sum)) => *sum += value,
                None => sums.push((name, value)),
            }
        }
        Ok(())
    }
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

/// Records all losses, their sum as logged by the reference (with `class_error`), and the sum that is minimized.
pub(super) fn record_losses(metrics: &mut Metrics, losses: &[(String, f64)]) {
    let total: f64 = losses.iter().map(|(_, value)| value).sum();
    let class_error: f64 =
        losses.iter().filter(|(name, _)| name == "class_error").map(|(_, value)| value).sum();
    metrics.record(Metrics::TOTAL_LOSS, total);
    for (name, value) in losses {
        metrics.record(name, *value);
    }
    metrics.record(Metrics::OPTIMIZED_LOSS, total - class_error);
}
