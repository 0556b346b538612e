//! The settings that weights belong to: with others, the same weights give other results.

use std::collections::BTreeMap;
use std::fmt;

use super::BackboneName;
use super::read::Reader;
use super::section::{Row, Section};
use crate::ConfigError;

const ALWAYS: [&str; 13] = [
    "INPUT.FORMAT",
    "MODEL.PIXEL_MEAN",
    "MODEL.PIXEL_STD",
    "MODEL.BACKBONE.NAME",
    "MODEL.SeqFormer.NUM_CLASSES",
    "MODEL.SeqFormer.HIDDEN_DIM",
    "MODEL.SeqFormer.NHEADS",
    "MODEL.SeqFormer.DIM_FEEDFORWARD",
    "MODEL.SeqFormer.ENC_LAYERS",
    "MODEL.SeqFormer.DEC_LAYERS",
    "MODEL.SeqFormer.ENC_N_POINTS",
    "MODEL.SeqFormer.DEC_N_POINTS",
    "MODEL.SeqFormer.NUM_OBJECT_QUERIES",
];
const RESNET: [&str; 7] = [
    "MODEL.RESNETS.DEPTH",
    "MODEL.RESNETS.NUM_GROUPS",
    "MODEL.RESNETS.WIDTH_PER_GROUP",
    "MODEL.RESNETS.STRIDE_IN_1X1",
    "MODEL.RESNETS.RES5_DILATION",
    "MODEL.RESNETS.RES2_OUT_CHANNELS",
    "MODEL.RESNETS.STEM_OUT_CHANNELS",
];
const SWIN: [&str; 9] = [
    "MODEL.SWIN.EMBED_DIM",
    "MODEL.SWIN.DEPTHS",
    "MODEL.SWIN.NUM_HEADS",
    "MODEL.SWIN.WINDOW_SIZE",
    "MODEL.SWIN.MLP_RATIO",
    "MODEL.SWIN.QKV_BIAS",
    "MODEL.SWIN.QK_SCALE",
    "MODEL.SWIN.APE",
    "MODEL.SWIN.PATCH_NORM",
];

/// The settings of the network and of its input, by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSettings(BTreeMap<&'static str, String>);

/// A key that two networks have different values of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkDifference {
    /// The full key.
    pub key: &'static str,
    /// Its value in the first one; nothing if it plays no part there.
    pub first: Option<String>,
    /// Its value in the second one.
    pub second: Option<String>,
}

impl Section for NetworkSettings {
    const ROWS: &'static [Row] = &[];

    fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        let of_backbone: &[&str] = match reader.choice("MODEL.BACKBONE.NAME")? {
            BackboneName::ResNet => &RESNET,
            BackboneName::Swin => &SWIN,
        };
        let keys = ALWAYS.iter().chain(of_backbone);
        Ok(Self(keys.map(|&key| (key, reader.shown(key))).collect()))
    }
}

impl NetworkSettings {
    /// Lists what differs, by key.
    pub fn differences(&self, other: &Self) -> Vec<NetworkDifference> {
        let keys: std::collections::BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let pairs = keys.into_iter().map(|&key| NetworkDifference {
            key,
            first: self.0.get(key).cloned(),
            second: other.0.get(key).cloned(),
        });
        pairs.filter(|pair| pair.first != pair.second).collect()
    }
}

/// Writes the key with both values.
impl fmt::Display for NetworkDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "no value".to_owned());
        write!(f, "{}: {} and {}", self.key, value(&self.first), value(&self.second))
    }
}
