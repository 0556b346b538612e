//! Updates the trained parameters by their gradients.
//!
//! Reference: VNext `projects/SeqFormer/train_net.py`, `Trainer.build_optimizer`; PyTorch `optim.AdamW` and
//! `optim.SGD`. Every parameter has its own group, in the order of the checkpoint.

use seqformer::{NamedTensor, trained_parameters};
use tch::{Kind, Tensor, nn};

use crate::{EngineError, Gradients};

mod adamw;
mod sgd;

/// The update rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OptimizerKind {
    /// Adam with decoupled weight decay.
    AdamW {
        /// Decay rate of the mean gradient.
        beta1: f64,
        /// Decay rate of the mean squared gradient.
        beta2: f64,
        /// Added to the denominator.
        eps: f64,
    },
    /// Stochastic gradient descent.
    Sgd {
        /// Decay rate of the mean gradient.
        momentum: f64,
    },
}

impl OptimizerKind {
    /// AdamW with PyTorch's defaults.
    pub const ADAMW: Self = Self::AdamW { beta1: 0.9, beta2: 0.999, eps: 1e-8 };
}

/// Settings of an optimizer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptimizerConfig {
    /// The rule.
    pub kind: OptimizerKind,
    /// Learning rate.
    pub base_lr: f64,
    /// Factor of the learning rate for the backbone.
    pub backbone_multiplier: f64,
    /// Factor of the learning rate for the sampling offsets and the reference points: 1 in VNext, 0.1 in the original
    /// repository.
    pub sampling_multiplier: f64,
    /// Weight decay, for all parameters.
    pub weight_decay: f64,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::ADAMW,
            base_lr: 2e-4,
            backbone_multiplier: 0.1,
            sampling_multiplier: 1.0,
            weight_decay: 1e-4,
        }
    }
}

impl OptimizerConfig {
    /// The learning rate of a parameter before the schedule.
    fn lr(&self, name: &str) -> f64 {
        if name.contains("backbone") {
            return self.base_lr * self.backbone_multiplier;
        }
        if name.contains("reference_points") || name.contains("sampling_offsets") {
            return self.base_lr * self.sampling_multiplier;
        }
        self.base_lr
    }
}

/// A parameter and its settings.
#[derive(Debug)]
pub struct ParameterGroup {
    /// Name in the checkpoint.
    pub name: String,
    /// The parameter itself.
    pub parameter: Tensor,
    /// Learning rate before the schedule.
    pub lr: f64,
    /// Weight decay.
    pub weight_decay: f64,
}

/// The state of a parameter since its first gradient.
#[derive(Debug)]
pub enum TensorState {
    /// State of AdamW.
    AdamW {
        /// Number of steps, a single-precision scalar.
        step: Tensor,
        /// Mean gradient.
        exp_avg: Tensor,
        /// Mean squared gradient.
        exp_avg_sq: Tensor,
    },
    /// State of SGD with momentum.
    Sgd {
        /// Mean gradient.
        momentum_buffer: Tensor,
    },
}

impl TensorState {
    /// The tensors of the state, with PyTorch's names.
    pub fn tensors(&self) -> Vec<(&'static str, &Tensor)> {
        match self {
            Self::AdamW { step, exp_avg, exp_avg_sq } => {
                vec![("step", step), ("exp_avg", exp_avg), ("exp_avg_sq", exp_avg_sq)]
            }
            Self::Sgd { momentum_buffer } => vec![("momentum_buffer", momentum_buffer)],
        }
    }
}

/// An optimizer with its parameters.
#[derive(Debug)]
pub struct Optimizer {
    kind: OptimizerKind,
    groups: Vec<ParameterGroup>,
    /// State of each group; `None` before its first gradient.
    state: Vec<Option<TensorState>>,
}

impl Optimizer {
    /// Creates an optimizer for all trained parameters of `vs`.
    pub fn new(vs: &nn::VarStore, config: &OptimizerConfig) -> Self {
        let group = |NamedTensor { name, tensor }: NamedTensor| ParameterGroup {
            lr: config.lr(&name),
            weight_decay: config.weight_decay,
            parameter: tensor,
            name,
        };
        let groups: Vec<ParameterGroup> = trained_parameters(vs).into_iter().map(group).collect();
        let state = groups.iter().map(|_| None).collect();
        Self { kind: config.kind, groups, state }
    }

    /// The rule.
    pub fn kind(&self) -> OptimizerKind {
        self.kind
    }

    /// The parameters in their order.
    pub fn groups(&self) -> &[ParameterGroup] {
        &self.groups
    }

    /// The gradients of `loss` with respect to the parameters.
    ///
    /// # Errors
    ///
    /// If libtorch fails.
    pub fn gradients(&self, loss: &Tensor) -> Result<Gradients, EngineError> {
        let parameters: Vec<&Tensor> = self.groups.iter().map(|group| &group.parameter).collect();
        Gradients::of(loss, &parameters)
    }

    /// Updates every parameter that has a gradient; the others stay unchanged, without decay.
    ///
    /// `lr_multiplier` is the schedule's factor of all learning rates.
    ///
    /// # Errors
    ///
    /// If the gradients do not belong to these parameters, or libtorch fails.
    pub fn step(&mut self, gradients: &Gradients, lr_multiplier: f64) -> Result<(), EngineError> {
        if gradients.tensors.len() != self.groups.len() {
            let what = format!(
                "{} gradients for {} parameters",
                gradients.tensors.len(),
                self.groups.len()
            );
            return Err(EngineError::Optimizer { name: "step".to_owned(), what });
        }
        tch::no_grad(|| match self.kind {
            OptimizerKind::AdamW { .. } => self.step_adamw(gradients, lr_multiplier),
            OptimizerKind::Sgd { momentum } => self.step_sgd(gradients, momentum, lr_multiplier),
        })
    }

    /// The state of parameter `index`.
    pub fn state(&self, index: usize) -> Option<&TensorState> {
        self.state.get(index)?.as_ref()
    }

    /// Creates a zero state for parameter `index` if it has none; another process provides the values.
    pub(crate) fn prepare_state(&mut self, index: usize) {
        let Some(group) = self.groups.get(index) else { return };
        if self.state(index).is_some() {
            return;
        }
        let state = match self.kind {
            OptimizerKind::AdamW { .. } => adamw::fresh(group),
            OptimizerKind::Sgd { .. } => {
                TensorState::Sgd { momentum_buffer: group.parameter.zeros_like() }
            }
        };
        self.state[index] = Some(state);
    }

    /// Replaces the state of parameter `index`, for instance with that of a checkpoint.
    ///
    /// # Errors
    ///
    /// If there is no such parameter, or the state belongs to another rule or shape.
    pub fn set_state(
        &mut self,
        index: usize,
        state: Option<TensorState>,
    ) -> Result<(), EngineError> {
        let Some(group) = self.groups.get(index) else {
            let what = format!("there are {} parameters", self.groups.len());
            return Err(EngineError::Optimizer {
                name: format!("state of parameter {index}"),
                what,
            });
        };
        let error = |what: String| EngineError::Optimizer { name: group.name.clone(), what };
        self.state[index] = match (state, self.kind) {
            (None, _) => None,
            (
                Some(TensorState::AdamW { step, exp_avg, exp_avg_sq }),
                OptimizerKind::AdamW { .. },
            ) => Some(TensorState::AdamW {
                step: fitting(&step, &[], group, "step").map_err(error)?,
                exp_avg: fitting(&exp_avg, &group.parameter.size(), group, "exp_avg")
                    .map_err(error)?,
                exp_avg_sq: fitting(&exp_avg_sq, &group.parameter.size(), group, "exp_avg_sq")
                    .map_err(error)?,
            }),
            (Some(TensorState::Sgd { momentum_buffer }), OptimizerKind::Sgd { .. }) => {
                Some(TensorState::Sgd {
                    momentum_buffer: fitting(
                        &momentum_buffer,
                        &group.parameter.size(),
                        group,
                        "momentum_buffer",
                    )
                    .map_err(error)?,
                })
            }
            (Some(_), kind) => {
                return Err(error(format!("the state of another rule than {kind:?}")));
            }
        };
        Ok(())
    }
}

/// The tensor in single precision on the parameter's device, if it has the right shape.
fn fitting(
    tensor: &Tensor,
    size: &[i64],
    group: &ParameterGroup,
    what: &str,
) -> Result<Tensor, String> {
    if tensor.size() != size {
        return Err(format!("{what}: expected {size:?}, found {:?}", tensor.size()));
    }
    Ok(tensor.detach().to_device(group.parameter.device()).to_kind(Kind::Float).copy())
}

#[cfg(test)]
mod tests;
