//! How many operations a pass through the network takes, counted from its sizes.
//!
//! Matrix products and convolutions are counted as inference runs them: frames padded to a multiple of 32, heads of the
//! last layer only, masks of the selected queries only. Norms, sums, softmax and the like are not counted. What
//! deformable attention reads is counted separately, because it is limited by memory and not by arithmetic.

mod backbone;

use backbone::multiply_adds;
use seqformer::config::{NUM_LEVELS, halved};
use seqformer::{SeqFormerConfig, padded_size};
use seqformer_masks::ImageSize;
use seqformer_ops::LevelSize;

/// The work of one part of the network.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StageWork {
    /// Operations of matrix products and convolutions: a multiplication and an addition count as two.
    pub flop: f64,
    /// Values that deformable attention reads: four corners of every sampling point, all channels of a head.
    pub gathered_values: f64,
}

/// The work of all parts of the network.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NetworkWork {
    /// The image network.
    pub backbone: StageWork,
    /// Input projections and encoder layers.
    pub encoder: StageWork,
    /// Decoder layers, and the class and box heads.
    pub decoder: StageWork,
    /// Mask features and mask logits.
    pub masks: StageWork,
}

/// The input of the network.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    /// Size of the frames without padding.
    pub frame: ImageSize,
    /// Frames of the video.
    pub num_frames: usize,
    /// Frames of all clips, each counted once per clip that contains it; for a whole video, its frames.
    pub clip_frames: usize,
    /// Clips; 1 for a whole video.
    pub num_clips: usize,
    /// Queries whose masks are computed.
    pub num_instances: usize,
}

impl NetworkWork {
    /// The work of a network on a video.
    pub fn of(network: &SeqFormerConfig, load: Workload) -> Self {
        let sizes = Sizes::new(network, load.frame);
        let frames = load.num_frames as f64;
        let decoder = sizes.boxes_of_frame().times(frames);
        let instances = sizes.instances_of_clip().times(load.num_clips as f64);
        let dynamic = (load.num_instances * load.clip_frames) as f64 * sizes.dynamic_mask();
        Self {
            backbone: StageWork::products(sizes.backbone).times(frames),
            encoder: sizes.encoder().times(frames),
            decoder: StageWork {
                flop: decoder.flop + instances.flop,
                gathered_values: decoder.gathered_values,
            },
            masks: StageWork::products(sizes.mask_features() * frames + dynamic),
        }
    }

    /// All parts together.
    pub fn total(&self) -> StageWork {
        let parts = [self.backbone, self.encoder, self.decoder, self.masks];
        StageWork {
            flop: parts.iter().map(|part| part.flop).sum(),
            gathered_values: parts.iter().map(|part| part.gathered_values).sum(),
        }
    }
}

impl StageWork {
    /// From multiplications that are each followed by an addition.
    fn products(multiply_adds: f64) -> Self {
        Self { flop: 2.0 * multiply_adds, gathered_values: 0.0 }
    }

    fn times(self, count: f64) -> Self {
        Self { flop: count * self.flop, gathered_values: count * self.gathered_values }
    }
}

/// The numbers from which the counts are computed, all for one frame.
struct Sizes<'a> {
    network: &'a SeqFormerConfig,
    /// Multiplications of the image network.
    backbone: f64,
    /// Channels of res3 to res5.
    channels: [f64; 3],
    /// Tokens of each level.
    levels: [f64; NUM_LEVELS],
}

impl<'a> Sizes<'a> {
    fn new(network: &'a SeqFormerConfig, frame: ImageSize) -> Self {
        let padded = padded_size(frame);
        let maps = network.backbone.map_sizes(padded);
        let [_, res3, res4, res5] = maps;
        let extra = halved(res5.size);
        let tokens = |size: LevelSize| size.num_tokens() as f64;
        Self {
            network,
            backbone: multiply_adds(&network.backbone, padded),
            channels: [res3, res4, res5].map(|map| map.channels as f64),
            levels: [res3.size, res4.size, res5.size, extra].map(tokens),
        }
    }

    fn tokens(&self) -> f64 {
        self.levels.iter().sum()
    }

    fn dim(&self) -> f64 {
        self.network.transformer.hidden_dim as f64
    }

    fn queries(&self) -> f64 {
        self.network.num_queries as f64
    }

    fn feedforward(&self) -> f64 {
        2.0 * self.dim() * self.network.transformer.feedforward_dim as f64
    }

    /// The offsets (x and y) and weights of a query's points, and the values that it reads with them.
    fn attention(&self, points: i64) -> StageWork {
        let samples = (self.network.transformer.num_heads * NUM_LEVELS as i64 * points) as f64;
        let head_dim = self.dim() / self.network.transformer.num_heads as f64;
        let read = StageWork::products(3.0 * samples * self.dim());
        StageWork { gathered_values: 4.0 * samples * head_dim, ..read }
    }

    fn encoder(&self) -> StageWork {
        let (dim, tokens) = (self.dim(), self.tokens());
        let levels = self.levels.iter().zip(&self.channels);
        let pointwise: f64 = levels.map(|(cells, channels)| cells * channels * dim).sum();
        let last = self.levels[NUM_LEVELS - 1] * 9.0 * self.channels[2] * dim;
        let attention = self.attention(self.network.transformer.num_encoder_points);
        let layer = tokens * (2.0 * dim * dim + self.feedforward());
        let layers = self.network.transformer.num_encoder_layers as f64;
        let products = StageWork::products(pointwise + last + layers * layer);
        let attention = attention.times(layers * tokens);
        StageWork { flop: products.flop + attention.flop, ..attention }
    }

    /// The box queries in all layers on one frame.
    fn boxes_of_frame(&self) -> StageWork {
        let (dim, queries) = (self.dim(), self.queries());
        let attention = self.attention(self.network.transformer.num_decoder_points);
        let head = 2.0 * dim * dim + 4.0 * dim;
        let outputs = 2.0 * dim * dim + dim;
        let per_query = outputs + self.feedforward() + head;
        let layer = self.tokens() * dim * dim + self.self_attention() + queries * per_query;
        let layers = self.network.transformer.num_decoder_layers as f64;
        let (products, attention) =
            (StageWork::products(layers * layer), attention.times(layers * queries));
        StageWork { flop: products.flop + attention.flop, ..attention }
    }

    /// The instance queries in all layers, and the heads of the last.
    fn instances_of_clip(&self) -> StageWork {
        let (dim, queries) = (self.dim(), self.queries());
        let layers = self.network.transformer.num_decoder_layers as f64;
        let layer = self.self_attention() + queries * self.feedforward();
        let classes = dim * self.network.num_classes as f64;
        let controller = 2.0 * dim * dim + dim * self.dynamic_mask_params();
        StageWork::products(layers * layer + queries * (classes + controller))
    }

    fn self_attention(&self) -> f64 {
        let (dim, queries) = (self.dim(), self.queries());
        4.0 * queries * dim * dim + 2.0 * queries * queries * dim
    }

    fn mask_features(&self) -> f64 {
        let dim = self.dim();
        let wide: f64 = self.levels[..3].iter().map(|cells| cells * 9.0 * dim * dim).sum();
        wide + self.levels[0] * 9.0 * (dim * dim / 4.0 + dim / 4.0 * dim / 32.0)
    }

    /// Channels of the mask features and the two coordinates.
    fn dynamic_inputs(&self) -> f64 {
        self.dim() / 32.0 + 2.0
    }

    fn dynamic_mask_params(&self) -> f64 {
        8.0 * self.dynamic_inputs() + 64.0 + 8.0 + 17.0
    }

    /// One instance on one frame.
    fn dynamic_mask(&self) -> f64 {
        self.levels[0] * (8.0 * self.dynamic_inputs() + 64.0 + 8.0)
    }
}

#[cfg(test)]
mod tests;
