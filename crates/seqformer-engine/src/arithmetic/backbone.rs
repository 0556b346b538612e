//! The image network's maps, and the multiplications that they take.

use seqformer::FrameSize;
use seqformer::config::{BackboneConfig, ResNetConfig, SwinConfig};

/// An output of the image network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Map {
    pub(crate) size: FrameSize,
    pub(crate) channels: i64,
}

/// The outputs of the image network on one frame.
#[derive(Debug)]
pub(crate) struct Maps {
    /// res2 to res5.
    pub(crate) outputs: [Map; 4],
    /// Multiplications, each followed by an addition.
    pub(crate) multiply_adds: f64,
}

/// The maps of a frame of this size.
pub(crate) fn maps(config: &BackboneConfig, padded: FrameSize) -> Maps {
    match config {
        BackboneConfig::ResNet(config) => resnet(config, padded),
        BackboneConfig::Swin(config) => swin(config, padded),
    }
}

/// A convolution of `kernel` × `kernel` cells that gives a map of `size`.
fn conv(size: FrameSize, kernel: i64, inputs: i64, outputs: i64) -> f64 {
    cells(size) * (kernel * kernel * inputs * outputs) as f64
}

fn cells(size: FrameSize) -> f64 {
    (size.height * size.width) as f64
}

fn halved(size: FrameSize) -> FrameSize {
    FrameSize { height: (size.height + 1) / 2, width: (size.width + 1) / 2 }
}

fn resnet(config: &ResNetConfig, padded: FrameSize) -> Maps {
    let stem = halved(padded);
    let mut multiply_adds = conv(stem, 7, 3, config.stem_out_channels);
    let mut size = halved(stem);
    let (mut inputs, mut outputs) = (config.stem_out_channels, config.res2_out_channels);
    let mut width = config.num_groups * config.width_per_group;
    let blocks: [i64; 4] = match config.depth {
        18 => [2, 2, 2, 2],
        101 => [3, 4, 23, 3],
        152 => [3, 8, 36, 3],
        _ => [3, 4, 6, 3],
    };
    let mut maps = [Map { size, channels: 0 }; 4];
    for (stage, (map, &count)) in maps.iter_mut().zip(&blocks).enumerate() {
        let dilated = stage == 3 && config.res5_dilation == 2;
        let before = size;
        if stage > 0 && !dilated {
            size = halved(size);
        }
        for block in 0..count {
            let from = if block == 0 { inputs } else { outputs };
            if from != outputs {
                multiply_adds += conv(size, 1, from, outputs);
            }
            if config.depth < 50 {
                multiply_adds += conv(size, 3, from, outputs) + conv(size, 3, outputs, outputs);
                continue;
            }
            let first = if block == 0 && !config.stride_in_1x1 { before } else { size };
            multiply_adds += conv(first, 1, from, width);
            multiply_adds += conv(size, 3, width, width / config.num_groups);
            multiply_adds += conv(size, 1, width, outputs);
        }
        *map = Map { size, channels: outputs };
        (inputs, width, outputs) = (outputs, 2 * width, 2 * outputs);
    }
    Maps { outputs: maps, multiply_adds }
}

fn swin(config: &SwinConfig, padded: FrameSize) -> Maps {
    let mut size = halved(halved(padded));
    let mut channels = config.embed_dim;
    let mut multiply_adds = conv(size, 4, 3, channels);
    let mut maps = [Map { size, channels }; 4];
    for (stage, (map, &depth)) in maps.iter_mut().zip(&config.depths).enumerate() {
        if stage > 0 {
            size = halved(size);
            // Four tokens become one of twice the channels.
            multiply_adds += conv(size, 1, 4 * channels, 2 * channels);
            channels *= 2;
        }
        let up =
            |side: i64| (side + config.window_size - 1) / config.window_size * config.window_size;
        let windows = FrameSize { height: up(size.height), width: up(size.width) };
        let hidden = (channels as f64 * config.mlp_ratio) as i64;
        let attention = conv(windows, 1, channels, 4 * channels)
            + conv(windows, 1, config.window_size * config.window_size, 2 * channels);
        let block = attention + 2.0 * conv(size, 1, channels, hidden);
        multiply_adds += depth as f64 * block;
        *map = Map { size, channels };
    }
    Maps { outputs: maps, multiply_adds }
}
