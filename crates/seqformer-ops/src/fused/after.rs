//! What follows a product.

use tch::Tensor;

/// What a layer does to its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// `max(x, 0)`.
    Relu,
}

/// What follows a product.
#[derive(Debug, Clone, Copy)]
pub struct After<'a> {
    /// Of the sum.
    pub activation: Activation,
    /// Probability with which an element is then set to zero and the others scaled up; 0 leaves all.
    pub dropout: f64,
    /// Added last.
    pub residual: Option<&'a Tensor>,
}

impl After<'_> {
    /// Nothing follows.
    pub const NOTHING: Self = Self { activation: Activation::None, dropout: 0.0, residual: None };
    /// Only ReLU follows.
    pub const RELU: Self = Self { activation: Activation::Relu, ..Self::NOTHING };
}
