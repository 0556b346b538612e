//! Layers that several parts of the network share.

mod checkpointed;
mod conv;
mod drop_path;
mod frozen_batch_norm;
mod linear;
mod mlp;
mod ms_deform_attn;
mod multihead_attention;
mod norm;
mod position_encoding;

pub(crate) use checkpointed::checkpointed;
pub(crate) use conv::{Conv2d, ConvShape, Kernel, to_channels_last};
pub(crate) use drop_path::DropPath;
pub(crate) use frozen_batch_norm::FrozenBatchNorm;
pub(crate) use linear::{Linear, dropout};
pub(crate) use mlp::Mlp;
pub(crate) use ms_deform_attn::{AttentionShape, MsDeformAttn, References, Sampling};
pub(crate) use multihead_attention::{AttentionHeads, MultiheadAttention};
pub(crate) use norm::{EPS as NORM_EPS, GroupNorm, LayerNorm};
pub(crate) use position_encoding::sine_position_encoding;
