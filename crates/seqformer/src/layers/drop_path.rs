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
mod tests;
