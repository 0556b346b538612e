//! AdamW over all parameters, with a few operations per learning rate.

use seqformer_ops::optimize::{AdamW, AdamWTensors, adamw_step};
use tch::{Kind, Tensor};

use super::{Optimizer, OptimizerKind, ParameterGroup, TensorState};
use crate::{EngineError, Gradients};

/// Lists of tensors with the same rate.
#[derive(Default)]
struct Batch<'a> {
    lr: f64,
    weight_decay: f64,
    parameters: Vec<&'a Tensor>,
    gradients: Vec<&'a Tensor>,
    exp_avgs: Vec<&'a Tensor>,
    exp_avg_sqs: Vec<&'a Tensor>,
    steps: Vec<&'a Tensor>,
}

impl Optimizer {
    pub(super) fn step_adamw(
        &mut self,
        gradients: &Gradients,
        lr_multiplier: f64,
    ) -> Result<(), EngineError> {
        let OptimizerKind::AdamW { beta1, beta2, eps } = self.kind else { return Ok(()) };
        for ((group, gradient), state) in
            self.groups.iter().zip(&gradients.tensors).zip(&mut self.state)
        {
            if gradient.is_some() && state.is_none() {
                *state = Some(fresh(group));
            }
        }
        for batch in batches(&self.groups, gradients, &self.state) {
            let options = AdamW {
                lr: batch.lr * lr_multiplier,
                beta1,
                beta2,
                eps,
                weight_decay: batch.weight_decay,
            };
            let tensors = AdamWTensors {
                parameters: &batch.parameters,
                gradients: &batch.gradients,
                exp_avgs: &batch.exp_avgs,
                exp_avg_sqs: &batch.exp_avg_sqs,
                steps: &batch.steps,
            };
            adamw_step(&options, &tensors)?;
        }
        Ok(())
    }
}

pub(super) fn fresh(group: &ParameterGroup) -> TensorState {
    TensorState::AdamW {
        step: Tensor::zeros([], (Kind::Float, group.parameter.device())),
        exp_avg: group.parameter.zeros_like(),
        exp_avg_sq: group.parameter.zeros_like(),
    }
}

/// The parameters that have a gradient, by learning rate and decay.
fn batches<'a>(
    groups: &'a [ParameterGroup],
    gradients: &'a Gradients,
    states: &'a [Option<TensorState>],
) -> Vec<Batch<'a>> {
    let mut batches: Vec<Batch<'a>> = Vec::new();
    for ((group, gradient), state) in groups.iter().zip(&gradients.tensors).zip(states) {
        let (Some(gradient), Some(TensorState::AdamW { step, exp_avg, exp_avg_sq })) =
            (gradient, state)
        else {
            continue;
        };
        let same =
            |batch: &Batch<'_>| batch.lr == group.lr && batch.weight_decay == group.weight_decay;
        let at = batches.iter().position(same).unwrap_or_else(|| {
            let (lr, weight_decay) = (group.lr, group.weight_decay);
            batches.push(Batch { lr, weight_decay, ..Batch::default() });
            batches.len() - 1
        });
        let batch = &mut batches[at];
        batch.parameters.push(&group.parameter);
        batch.gradients.push(gradient);
        batch.exp_avgs.push(exp_avg);
        batch.exp_avg_sqs.push(exp_avg_sq);
        batch.steps.push(step);
    }
    batches
}
