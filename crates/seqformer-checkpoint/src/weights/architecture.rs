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
mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::Array;
    use crate::key_map::{Dialect, vnext_name};

    /// The names and shapes of a key list, as far as they are small or decide something.
    fn state(list: &str) -> StateDict {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/common").join(list);
        let list: Value =
            serde_json::from_slice(&fs::read(path).expect("the golden data is there")).unwrap();
        let dialect = if list["keys"].get("detr.detr.query_embed.weight").is_some() {
            Dialect::VNext
        } else {
            Dialect::Original
        };
        let mut state = StateDict::new();
        for (name, entry) in list["keys"].as_object().unwrap() {
            let shape: Vec<usize> = entry[0]
                .as_array()
                .unwrap()
                .iter()
                .map(|side| side.as_u64().unwrap() as usize)
                .collect();
            let count: usize = shape.iter().product();
            let shape = if count > 200_000 { vec![0; shape.len()] } else { shape };
            let array = Array::from_f32(&shape, &vec![0.0; shape.iter().product()]).unwrap();
            state.insert(vnext_name(dialect, name).unwrap(), array);
        }
        state
    }

    #[test]
    fn networks_are_known_by_their_shapes() {
        let check = |list: &str, expected: &str| {
            assert_eq!(Architecture::of(&state(list)).unwrap().to_string(), expected, "{list}");
        };
        check("full_keys_vnext_r50_ytvis19.json", "ResNet-50");
        check("full_keys_vnext_r101_ytvis19.json", "ResNet-101");
        check("full_keys_orig_x101_32x8d.json", "ResNeXt-101 32x8d");
        check("full_keys_orig_x101_64x4d.json", "ResNeXt-101 64x4d");
        check("full_keys_vnext_swinl_ytvis19.json", "Swin-L, windows of 12");
        assert_eq!(Architecture::of(&StateDict::new()), None);
    }
}
