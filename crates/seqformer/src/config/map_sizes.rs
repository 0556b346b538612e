//! The sizes of the backbone's maps, computed without running it, for memory plans and operation counts.

use super::{BackboneConfig, ResNetConfig, SwinConfig};
use crate::frame_size::FrameSize;

/// An output of the backbone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapSize {
    /// Height and width in cells.
    pub size: FrameSize,
    /// Channels.
    pub channels: i64,
}

impl BackboneConfig {
    /// The outputs for a frame of this size, including padding: res2 to res5, or the four stages of a Swin Transformer.
    pub fn map_sizes(&self, padded: FrameSize) -> [MapSize; 4] {
        match self {
            Self::ResNet(config) => config.map_sizes(padded),
            Self::Swin(config) => config.map_sizes(padded),
        }
    }
}

impl ResNetConfig {
    fn map_sizes(&self, padded: FrameSize) -> [MapSize; 4] {
        let res2 = MapSize { size: padded.halved().halved(), channels: self.res2_out_channels };
        let (res3, res4) = (res2.next(), res2.next().next());
        let res5 = res4.next();
        let dilated = MapSize { size: res4.size, ..res5 };
        [res2, res3, res4, if self.res5_dilation == 2 { dilated } else { res5 }]
    }
}

impl SwinConfig {
    fn map_sizes(&self, padded: FrameSize) -> [MapSize; 4] {
        let first = MapSize { size: padded.halved().halved(), channels: self.embed_dim };
        [first, first.next(), first.next().next(), first.next().next().next()]
    }
}

impl MapSize {
    /// Half the size, rounded up, and twice the channels.
    fn next(self) -> Self {
        Self { size: self.size.halved(), channels: 2 * self.channels }
    }
}
