//! The multiplications of the backbone on one frame, each followed by an addition.

use seqformer::config::{BackboneConfig, MapSize, ResNetConfig, SwinConfig, halved};
use seqformer_masks::ImageSize;
use seqformer_ops::LevelSize;

/// The multiplications of the backbone on a frame of this size.
pub(super) fn multiply_adds(config: &BackboneConfig, padded: ImageSize) -> f64 {
    let maps = config.map_sizes(padded);
    match config {
        BackboneConfig::ResNet(config) => resnet(config, padded, maps),
        BackboneConfig::Swin(config) => swin(config, maps),
    }
}

/// A convolution of `kernel` × `kernel` cells that gives a map of `size`.
fn conv(size: LevelSize, kernel: i64, inputs: i64, outputs: i64) -> f64 {
    size.num_tokens() as f64 * (kernel * kernel * inputs * outputs) as f64
}

fn resnet(config: &ResNetConfig, padded: ImageSize, maps: [MapSize; 4]) -> f64 {
    let [height, width] = padded.sides();
    let stem = halved(LevelSize { height, width });
    let mut multiply_adds = conv(stem, 7, 3, config.stem_out_channels);
    let (mut before, mut inputs) = (halved(stem), config.stem_out_channels);
    let mut width = config.num_groups * config.width_per_group;
    let blocks: [i64; 4] = match config.depth {
        18 => [2, 2, 2, 2],
        101 => [3, 4, 23, 3],
        152 => [3, 8, 36, 3],
        _ => [3, 4, 6, 3],
    };
    for (MapSize { size, channels: outputs }, count) in maps.into_iter().zip(blocks) {
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
        (before, inputs, width) = (size, outputs, 2 * width);
    }
    multiply_adds
}

fn swin(config: &SwinConfig, maps: [MapSize; 4]) -> f64 {
    let mut multiply_adds = conv(maps[0].size, 4, 3, maps[0].channels);
    for (stage, (map, depth)) in maps.into_iter().zip(config.depths).enumerate() {
        let MapSize { size, channels } = map;
        if stage > 0 {
            // Four tokens become one of twice the channels.
            multiply_adds += conv(size, 1, 2 * channels, channels);
        }
        let up =
            |side: i64| (side + config.window_size - 1) / config.window_size * config.window_size;
        let windows = LevelSize { height: up(size.height), width: up(size.width) };
        let hidden = (channels as f64 * config.mlp_ratio) as i64;
        let attention = conv(windows, 1, channels, 4 * channels)
            + conv(windows, 1, config.window_size * config.window_size, 2 * channels);
        let block = attention + 2.0 * conv(size, 1, channels, hidden);
        multiply_adds += depth as f64 * block;
    }
    multiply_adds
}
