//! Batch normalization with fixed statistics.

use tch::{Kind, Tensor, nn};

/// Reference: detectron2 `layers/batch_norm.py`, `FrozenBatchNorm2d`.
const EPS: f64 = 1e-5;

/// `x * s + (bias - mean * s)` with `s = weight / sqrt(var + eps)`, per channel.
#[derive(Debug)]
pub(crate) struct FrozenBatchNorm {
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
}

/// A normalization as one multiplication and one addition per channel.
#[derive(Debug)]
pub(crate) struct ScaleShift {
    pub(crate) scale: Tensor,
    pub(crate) shift: Tensor,
}

impl FrozenBatchNorm {
    /// Buffers under `vs`: `weight`, `bias`, `running_mean`, `running_var`, all `[channels]`; initially the identity.
    pub(crate) fn new(vs: &nn::Path<'_>, channels: i64) -> Self {
        let running_var = vs.ones_no_train("running_var", &[channels]);
        let running_var = tch::no_grad(|| running_var.shallow_clone().fill_(1.0 - EPS));
        Self {
            weight: vs.ones_no_train("weight", &[channels]),
            bias: vs.zeros_no_train("bias", &[channels]),
            running_mean: vs.zeros_no_train("running_mean", &[channels]),
            running_var,
        }
    }

    /// Sets the statistics to mean and variance of `map`, `[N, channels, H, W]`.
    pub(crate) fn calibrate(&self, map: &Tensor) {
        tch::no_grad(|| {
            let map = map.to_kind(Kind::Float);
            let axes: &[i64] = &[0, 2, 3];
            let mean = map.mean_dim(axes, true, Kind::Float);
            let variance = (map - &mean).square().mean_dim(axes, false, Kind::Float);
            self.running_mean.shallow_clone().copy_(&mean.flatten(0, -1));
            self.running_var.shallow_clone().copy_(&variance);
        });
    }

    /// Scale and shift of each channel, `[channels]`.
    pub(crate) fn scale_shift(&self) -> ScaleShift {
        let scale = &self.weight * (&self.running_var + EPS).rsqrt();
        let shift = &self.bias - &self.running_mean * &scale;
        ScaleShift { scale, shift }
    }
}
