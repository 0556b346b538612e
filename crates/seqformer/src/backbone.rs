//! Backbones, which turn frames into a pyramid of feature maps.

use std::fmt::Debug;

use tch::{Tensor, nn};

use crate::Precision;
use crate::config::BackboneConfig;

mod resnet;
mod swin;

pub use crate::shape_spec::ShapeSpec;
pub use resnet::ResNet;
pub use swin::SwinTransformer;

/// A trainable backbone with four maps, res2 to res5.
pub trait Backbone: Debug {
    /// The maps returned by [`Backbone::forward`], finest first.
    fn output_shape(&self) -> &[ShapeSpec];

    /// `[N, 3, H, W]` → `[N, channels, H / stride, W / stride]` for each map.
    fn forward(&self, images: &Tensor) -> Vec<Tensor>;

    /// Sets the statistics of frozen normalizations to those of `images`, `[N, 3, H, W]`, layer by layer, after the
    /// convolutions whose names `which` accepts.
    ///
    /// For training from random weights, which have no statistics. Does nothing in a backbone whose normalizations
    /// compute statistics themselves.
    fn calibrate(&self, images: &Tensor, which: &dyn Fn(&str) -> bool);

    /// Whether blocks use activation checkpointing: the backward pass recomputes their activations.
    fn set_recompute(&mut self, recompute: bool);

    /// Converts the backbone to one that predicts in `precision`.
    ///
    /// The two may share parameters: drop the variable store as well, as [`crate::SeqFormer::prepare`] does.
    fn prepare(self: Box<Self>, precision: Precision) -> Box<dyn PreparedBackbone>;
}

/// A backbone with four maps, res2 to res5, for inference.
pub trait PreparedBackbone: Debug {
    /// The maps returned by [`PreparedBackbone::forward`], finest first.
    fn output_shape(&self) -> &[ShapeSpec];

    /// `[N, 3, H, W]` → `[N, channels, H / stride, W / stride]` for each map.
    fn forward(&self, images: &Tensor) -> Vec<Tensor>;
}

/// Builds the backbone with its parameters under `vs`.
pub fn build(vs: &nn::Path<'_>, config: &BackboneConfig) -> Box<dyn Backbone> {
    match config {
        BackboneConfig::ResNet(config) => Box::new(ResNet::new(vs, config)),
        BackboneConfig::Swin(config) => Box::new(SwinTransformer::new(vs, config)),
    }
}
