//! The network against tensors of the Python reference.
#![allow(
    clippy::unwrap_used,
    clippy::iter_over_hash_type,
    reason = "a test may fail, and looks at all tensors"
)]

mod backbones;
mod golden_forward;
mod parameter_names;
