//! The operations that a layer applies to its product.

use tch::Tensor;

/// What a layer does to its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// `max(x, 0)`.
    Relu,
}

/// The operations after a product, in this order.
#[derive(Debug, Clone, Copy)]
pub struct After<'a> {
    /// Activation of the sum.
    pub activation: Activation,
    /// Dropout probability; 0 means no dropout.
    pub dropout: f64,
    /// Residual, which is added last.
    pub residual: Option<&'a Tensor>,
}

impl After<'_> {
    /// Nothing follows.
    pub const NOTHING: Self = Self { activation: Activation::None, dropout: 0.0, residual: None };
    /// Only ReLU follows.
    pub const RELU: Self = Self { activation: Activation::Relu, ..Self::NOTHING };
}
