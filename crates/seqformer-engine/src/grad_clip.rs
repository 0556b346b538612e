//! Gradient clipping.
//!
//! Reference: VNext `projects/SeqFormer/train_net.py`, `FullModelGradientClippingOptimizer`; detectron2
//! `solver/build.py`; PyTorch `clip_grad_norm_` and `clip_grad_value_`.

use tch::Tensor;

use crate::{EngineError, Gradients};

/// Keeps the factor finite for gradients of zero.
const EPS: f64 = 1e-6;

/// How gradients are clipped before a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GradClip {
    /// Maximum 2-norm of all gradients together.
    FullModel(f64),
    /// Maximum absolute value of each element.
    Value(f64),
    /// Limits the norm of each gradient separately.
    Norm {
        /// Maximum norm.
        max_norm: f64,
        /// The p of the norm; may be infinite.
        norm_type: f64,
    },
}

/// Clipped gradients.
#[derive(Debug)]
pub struct Clipped {
    /// The clipped gradients.
    pub gradients: Gradients,
    /// The 2-norm of all gradients before clipping, a scalar on their device, if it was computed.
    pub norm: Option<Tensor>,
}

impl GradClip {
    /// Clips the gradients, without synchronizing with the device.
    ///
    /// # Errors
    ///
    /// If libtorch fails.
    pub fn apply(self, gradients: Gradients) -> Result<Clipped, EngineError> {
        let clipped = match self {
            Self::FullModel(max_norm) => {
                let norm = gradients.norm()?;
                let gradients = gradients.scaled(&factor(&norm, max_norm))?;
                return Ok(Clipped { gradients, norm: Some(norm) });
            }
            Self::Value(limit) => gradients.map(|gradient| gradient.clamp(-limit, limit)),
            Self::Norm { max_norm, norm_type } => gradients.map(|gradient| {
                // The norm with an infinite p is the largest element.
                let norm = if norm_type.is_infinite() {
                    gradient.abs().max()
                } else {
                    gradient.flatten(0, -1).norm_scalaropt_dim(norm_type, 0, false)
                };
                gradient * factor(&norm, max_norm)
            }),
        };
        Ok(Clipped { gradients: clipped, norm: None })
    }
}

fn factor(norm: &Tensor, max_norm: f64) -> Tensor {
    ((norm + EPS).reciprocal() * max_norm).clamp_max(1.0)
}

#[cfg(test)]
mod tests;
