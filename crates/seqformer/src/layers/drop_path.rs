//! Stochastic depth: residual branches are dropped at random.

use tch::Tensor;

/// Drops the branch of an image with probability `rate`, and scales the others up.
///
/// Huang et al. (arXiv:1603.09382). Reference: timm `layers/drop.py`, `DropPath`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DropPath {
    pub(crate) rate: f64,
}

impl DropPath {
    /// `[N, …]` → the same shape; each of the `N` images is drawn separately.
    pub(crate) fn forward(self, branch: &Tensor) -> Tensor {
        if self.rate == 0.0 {
            return branch.shallow_clone();
        }
        let keep = 1.0 - self.rate;
        let mut shape = vec![1; branch.dim()];
        shape[0] = branch.size()[0];
        let scale = Tensor::full(shape, keep, (branch.kind(), branch.device())).bernoulli() / keep;
        branch * scale
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn each_image_is_kept_whole_or_left_out() {
        tch::manual_seed(7);
        let branch = Tensor::ones([4000, 2, 3], (Kind::Float, Device::Cpu));
        let out = DropPath { rate: 0.25 }.forward(&branch).view([4000, 6]);
        let (lowest, highest) = (out.amin([1], false), out.amax([1], false));
        assert!(lowest.equal(&highest), "an image is dropped as one");
        let kept = highest.gt(0.0);
        assert!(highest.masked_select(&kept).allclose(&Tensor::from(4f32 / 3.0), 1e-6, 0.0, false));
        // Six standard deviations of a mean of 4000 draws.
        let share = kept.to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
        assert!((share - 0.75).abs() < 6.0 * (0.75f64 * 0.25 / 4000.0).sqrt(), "{share}");
    }

    #[test]
    fn a_rate_of_zero_changes_nothing() {
        let branch = Tensor::rand([3, 2], (Kind::Float, Device::Cpu));
        assert!(DropPath { rate: 0.0 }.forward(&branch).equal(&branch));
    }
}
