//! Recognizes the network of weights by their names and shapes.

use std::fmt;

use crate::StateDict;
use crate::key_map::BACKBONE;

/// More blocks in a stage, and more stages, than any network has.
const MAX_BLOCKS: usize = 100;
const MAX_STAGES: usize = 8;

/// A backbone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Architecture {
    /// A ResNet, or a ResNeXt if there are groups.
    ResNet {
        /// Layers: 18, 34, 50, 101 or 152.
        depth: u32,
        /// Groups of the 3×3 convolutions.
        groups: usize,
        /// Channels of a group in res2.
        width_per_group: usize,
    },
    /// A Swin Transformer.
    Swin {
        /// Channels of the first stage.
        embed_dim: usize,
        /// Blocks of each stage.
        depths: Vec<usize>,
        /// Width and height of a window in tokens.
        window_size: usize,
    },
}

impl Architecture {
    /// Examines a checkpoint in VNext's names.
    pub fn of(state: &StateDict) -> Option<Self> {
        Self::resnet(state).or_else(|| Self::swin(state))
    }

    fn resnet(state: &StateDict) -> Option<Self> {
        let shape = |name: &str| Some(state.get(&format!("{BACKBONE}{name}"))?.shape());
        let blocks = |stage: u32| {
            (0..MAX_BLOCKS)
                .take_while(|block| shape(&format!("res{stage}.{block}.conv1.weight")).is_some())
                .count()
        };
        let is_bottleneck = shape("res2.0.conv3.weight").is_some();
        let depth = match (is_bottleneck, [2, 3, 4, 5].map(blocks)) {
            (false, [2, 2, 2, 2]) => 18,
            (false, [3, 4, 6, 3]) => 34,
            (true, [3, 4, 6, 3]) => 50,
            (true, [3, 4, 23, 3]) => 101,
            (true, [3, 8, 36, 3]) => 152,
            _ => return None,
        };
        let &[outputs, inputs_per_group, ..] = shape("res2.0.conv2.weight")? else { return None };
        let groups = outputs.checked_div(inputs_per_group)?;
        Some(Self::ResNet { depth, groups, width_per_group: inputs_per_group })
    }

    fn swin(state: &StateDict) -> Option<Self> {
        let shape = |name: &str| Some(state.get(&format!("{BACKBONE}{name}"))?.shape());
        let embed_dim = *shape("patch_embed.proj.weight")?.first()?;
        let blocks = |stage: usize| {
            let name = |block: usize| format!("layers.{stage}.blocks.{block}.norm1.weight");
            (0..MAX_BLOCKS).take_while(|&block| shape(&name(block)).is_some()).count()
        };
        let depths = (0..MAX_STAGES).map(blocks).take_while(|depth| *depth > 0).collect();
        // The table has one row per offset between two tokens, (2w - 1)².
        let rows = *shape("layers.0.blocks.0.attn.relative_position_bias_table")?.first()?;
        Some(Self::Swin { embed_dim, depths, window_size: rows.isqrt().div_ceil(2) })
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResNet { depth, groups: 1, .. } => write!(f, "ResNet-{depth}"),
            Self::ResNet { depth, groups, width_per_group } => {
                write!(f, "ResNeXt-{depth} {groups}x{width_per_group}d")
            }
            Self::Swin { embed_dim, depths, window_size } => {
                let name = match (embed_dim, depths.as_slice()) {
                    (96, [2, 2, 6, 2]) => "Swin-T".to_owned(),
                    (96, [2, 2, 18, 2]) => "Swin-S".to_owned(),
                    (128, [2, 2, 18, 2]) => "Swin-B".to_owned(),
                    (192, [2, 2, 18, 2]) => "Swin-L".to_owned(),
                    _ => format!("Swin of {embed_dim} channels and {depths:?} blocks"),
                };
                write!(f, "{name}, windows of {window_size}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
