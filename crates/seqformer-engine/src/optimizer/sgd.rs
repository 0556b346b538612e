//! Stochastic gradient descent with momentum, in PyTorch's form: the decay is part of the gradient.

use super::{Optimizer, TensorState};
use crate::{EngineError, Gradients};

impl Optimizer {
    pub(super) fn step_sgd(
        &mut self,
        gradients: &Gradients,
        momentum: f64,
        lr_multiplier: f64,
    ) -> Result<(), EngineError> {
        for ((group, gradient), state) in
            self.groups.iter().zip(&gradients.tensors).zip(&mut self.state)
        {
            let Some(gradient) = gradient else { continue };
            let direction = gradient + &group.parameter * group.weight_decay;
            let direction = match state {
                _ if momentum == 0.0 => direction,
                Some(TensorState::Sgd { momentum_buffer }) => {
                    &*momentum_buffer * momentum + direction
                }
                // The first gradient is not averaged with zero.
                _ => direction,
            };
            if momentum != 0.0 {
                *state = Some(TensorState::Sgd { momentum_buffer: direction.shallow_clone() });
            }
            let step = direction * (group.lr * lr_multiplier);
            let _moved = group.parameter.shallow_clone().f_sub_(&step)?;
        }
        Ok(())
    }
}
