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
mod tests {
    use tch::Kind;

    use super::*;

    fn gradients() -> Gradients {
        Gradients {
            tensors: vec![
                Some(Tensor::from_slice(&[3.0_f32, -4.0])),
                None,
                Some(Tensor::from_slice(&[12.0_f32])),
            ],
        }
    }

    fn check(clip: GradClip, first: [f64; 2], last: f64) {
        let clipped = clip.apply(gradients()).unwrap();
        assert!(clipped.gradients.tensors[1].is_none());
        let found: Vec<f64> = clipped
            .gradients
            .present()
            .iter()
            .flat_map(|tensor| Vec::<f64>::try_from(tensor.to_kind(Kind::Double)).unwrap())
            .collect();
        for (found, expected) in found.iter().zip([first[0], first[1], last]) {
            assert!((found - expected).abs() < 1e-5, "{clip:?}: {found} and {expected}");
        }
    }

    #[test]
    fn the_norm_of_all_gradients_is_limited() {
        let norm = GradClip::FullModel(6.5).apply(gradients()).unwrap().norm.unwrap();
        assert_eq!(norm.double_value(&[]), 13.0);
        check(GradClip::FullModel(6.5), [1.5, -2.0], 6.0);
        check(GradClip::FullModel(20.0), [3.0, -4.0], 12.0);
    }

    #[test]
    fn each_element_is_limited() {
        check(GradClip::Value(3.5), [3.0, -3.5], 3.5);
    }

    #[test]
    fn the_norm_of_each_gradient_is_limited() {
        check(GradClip::Norm { max_norm: 1.0, norm_type: 2.0 }, [0.6, -0.8], 1.0);
        check(GradClip::Norm { max_norm: 7.0, norm_type: 1.0 }, [3.0, -4.0], 7.0);
        check(GradClip::Norm { max_norm: 2.0, norm_type: f64::INFINITY }, [1.5, -2.0], 2.0);
    }
}
