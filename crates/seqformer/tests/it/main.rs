//! The network against tensors of the Python reference.
#![allow(
    clippy::unwrap_used,
    clippy::iter_over_hash_type,
    reason = "a test may fail, and looks at all tensors"
)]

mod backbones;
mod bf16;
mod clip_properties;
mod golden_clip_video;
mod golden_forward;
mod golden_tracker;
mod golden_train;
mod initialization;
mod not_a_number;
mod parameter_names;
mod stages;
