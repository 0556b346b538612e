//! The sizes of the backbone's maps, computed without running it, for memory plans and operation counts.

use seqformer_masks::ImageSize;
use seqformer_ops::LevelSize;

use super::{BackboneConfig, ResNetConfig, SwinConfig};

/// An output of the backbone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapSize {
    /// Height and width in cells.
    pub size: LevelSize,
    /// Channels.
    pub channels: i64,
}

impl BackboneConfig {
    /// The outputs for a frame of this size, including padding: res2 to res5, or the four stages of a Swin Transformer.
    pub fn map_sizes(&self, padded: ImageSize) -> [MapSize; 4] {
        let [height, width] = padded.sides();
        let first = halved(halved(LevelSize { height, width }));
        match self {
            Self::ResNet(config) => config.map_sizes(first),
            Self::Swin(config) => config.map_sizes(first),
        }
    }
}

impl ResNetConfig {
    fn map_sizes(&self, first: LevelSize) -> [MapSize; 4] {
        let res2 = MapSize { size: first, channels: self.res2_out_channels };
        let (res3, res4) = (res2.next(), res2.next().next());
        let res5 = res4.next();
        let dilated = MapSize { size: res4.size, ..res5 };
        [res2, res3, res4, if self.res5_dilation == 2 { dilated } else { res5 }]
    }
}

impl SwinConfig {
    fn map_sizes(&self, first: LevelSize) -> [MapSize; 4] {
        let first = MapSize { size: first, channels: self.embed_dim };
        [first, first.next(), first.next().next(), first.next().next().next()]
    }
}

impl MapSize {
    /// Half the size, rounded up, and twice the channels.
    fn next(self) -> Self {
        Self { size: halved(self.size), channels: 2 * self.channels }
    }
}

/// What a stride of 2 leaves of a map: half of both sides, rounded up.
pub fn halved(size: LevelSize) -> LevelSize {
    LevelSize { height: (size.height + 1) / 2, width: (size.width + 1) / 2 }
}
