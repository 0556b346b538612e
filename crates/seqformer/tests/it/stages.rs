//! The stages that the network has in training and in inference alike, for what holds for both.

use seqformer::inference::InferenceModel;
use seqformer::{
    DecoderLayerOutput, DecoderOutput, Heads, KeepLayers, Memory, ModelError, SeqFormer,
    SeqFormerConfig, TokenLayout,
};
use seqformer_masks::ImageSize;
use tch::Tensor;

pub(crate) trait Stages {
    fn config(&self) -> &SeqFormerConfig;
    fn token_layout(&self, sizes: &[ImageSize]) -> TokenLayout;
    fn preprocess(&self, frames: &Tensor, size: ImageSize) -> Result<Tensor, ModelError>;
    fn backbone_features(&self, images: &Tensor) -> Vec<Tensor>;
    fn project(&self, features: &[Tensor]) -> Vec<Tensor>;
    fn encode(
        &self,
        maps: &[Tensor],
        layout: &TokenLayout,
        each_layer: &mut dyn FnMut(&Tensor),
    ) -> Tensor;
    fn decode(&self, memory: &Memory, layout: &TokenLayout, keep: KeepLayers) -> DecoderOutput;
    fn heads(&self, output: &DecoderLayerOutput, layer: usize, sizes: &[ImageSize]) -> Heads;
    fn mask_features(&self, memory: &Tensor, layout: &TokenLayout) -> Tensor;
    fn masks(&self, features: &Tensor, params: &Tensor, points: &Tensor) -> Tensor;

    fn last_layer(&self) -> usize {
        self.config().transformer.num_decoder_layers as usize - 1
    }

    fn encode_images(&self, images: &Tensor, layout: &TokenLayout) -> Tensor {
        let maps = self.project(&self.backbone_features(images));
        self.encode(&maps, layout, &mut |_| {})
    }
}

macro_rules! stages {
    ($network:ty, $decode:expr) => {
        impl Stages for $network {
            fn config(&self) -> &SeqFormerConfig {
                self.config()
            }
            fn token_layout(&self, sizes: &[ImageSize]) -> TokenLayout {
                self.token_layout(sizes)
            }
            fn preprocess(&self, frames: &Tensor, size: ImageSize) -> Result<Tensor, ModelError> {
                self.preprocess(frames, size)
            }
            fn backbone_features(&self, images: &Tensor) -> Vec<Tensor> {
                self.backbone_features(images)
            }
            fn project(&self, features: &[Tensor]) -> Vec<Tensor> {
                self.project(features)
            }
            fn encode(
                &self,
                maps: &[Tensor],
                layout: &TokenLayout,
                each_layer: &mut dyn FnMut(&Tensor),
            ) -> Tensor {
                self.encode(maps, layout, each_layer)
            }
            fn decode(
                &self,
                memory: &Memory,
                layout: &TokenLayout,
                keep: KeepLayers,
            ) -> DecoderOutput {
                $decode(self, memory, layout, keep)
            }
            fn heads(
                &self,
                output: &DecoderLayerOutput,
                layer: usize,
                sizes: &[ImageSize],
            ) -> Heads {
                self.heads(output, layer, sizes)
            }
            fn mask_features(&self, memory: &Tensor, layout: &TokenLayout) -> Tensor {
                self.mask_features(memory, layout)
            }
            fn masks(&self, features: &Tensor, params: &Tensor, points: &Tensor) -> Tensor {
                self.masks(features, params, points)
            }
        }
    };
}

stages!(InferenceModel, InferenceModel::decode);
// Training has all frames at once.
stages!(SeqFormer, |model: &SeqFormer, memory: &Memory, layout: &TokenLayout, keep: KeepLayers| {
    model.decode(&Tensor::cat(&memory.parts, 1), layout, keep)
});
