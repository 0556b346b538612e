//! The image network that turns frames into a pyramid of maps.

use std::fmt::Debug;

use tch::{Tensor, nn};

use crate::Precision;
use crate::config::BackboneConfig;

mod resnet;
mod swin;

pub use crate::shape_spec::ShapeSpec;
pub use resnet::ResNet;
pub use swin::SwinTransformer;

/// An image network with four maps, res2 to res5, in training.
pub trait Backbone: Debug {
    /// The maps that [`Backbone::forward`] gives, finest first.
    fn output_shape(&self) -> &[ShapeSpec];

    /// `[N, 3, H, W]` → `[N, channels, H / stride, W / stride]` for each map.
    fn forward(&self, images: &Tensor) -> Vec<Tensor>;

    /// Sets the statistics of frozen normalisations to those of `images`, `[N, 3, H, W]`, layer by layer, behind the
    /// convolutions whose names `which` takes.
    ///
    /// For training from random weights, which come without statistics; a backbone whose normalisations
    /// look at their input themselves has nothing to do.
    fn calibrate(&self, images: &Tensor, which: &dyn Fn(&str) -> bool);

    /// Whether blocks are checkpointed: the backward pass runs them once more instead of keeping the maps inside them.
    fn set_recompute(&mut self, recompute: bool);

    /// Gives the network up for one that predicts in `precision`.
    ///
    /// The two may share parameters: give up the store that has them as well, as [`crate::SeqFormer::prepare`] does.
    fn prepare(self: Box<Self>, precision: Precision) -> Box<dyn PreparedBackbone>;
}

/// An image network with four maps, res2 to res5, for inference.
pub trait PreparedBackbone: Debug {
    /// The maps that [`PreparedBackbone::forward`] gives, finest first.
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
