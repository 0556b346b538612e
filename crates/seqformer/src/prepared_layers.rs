//! The shared layers for inference: each is made from its plain counterpart in `layers` and laid out for one precision.

mod conv;
mod joined_points;
mod linear;
mod mlp;
mod ms_deform_attn;
mod multihead_attention;

pub(crate) use conv::PreparedConv;
pub(crate) use joined_points::PreparedJoinedPoints;
pub(crate) use linear::PreparedLinear;
pub(crate) use mlp::PreparedMlp;
pub(crate) use ms_deform_attn::PreparedMsDeformAttn;
pub(crate) use multihead_attention::PreparedMultiheadAttention;
