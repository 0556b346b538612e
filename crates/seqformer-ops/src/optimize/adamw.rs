//! The settings and tensors of a step of AdamW.

use tch::Tensor;

/// Settings of one AdamW step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct AdamW {
    /// Learning rate.
    pub lr: f64,
    /// Memory of the mean gradient.
    pub beta1: f64,
    /// Memory of the mean squared gradient.
    pub beta2: f64,
    /// Summand of the denominator.
    pub eps: f64,
    /// Share of a parameter that a step of rate 1 removes.
    pub weight_decay: f64,
}

/// The tensors of one AdamW step: all lists are of the same length and in the same order.
#[derive(Debug, Clone, Copy)]
pub struct AdamWTensors<'a> {
    /// Changed by the step.
    pub parameters: &'a [&'a Tensor],
    /// Of the shapes of the parameters.
    pub gradients: &'a [&'a Tensor],
    /// Mean gradients, changed by the step.
    pub exp_avgs: &'a [&'a Tensor],
    /// Mean squared gradients, changed by the step.
    pub exp_avg_sqs: &'a [&'a Tensor],
    /// Number of steps so far, single numbers, raised by one.
    pub steps: &'a [&'a Tensor],
}
