//! The commands, one file each.

pub(crate) mod bench;
pub(crate) mod config;
pub(crate) mod data;
pub(crate) mod predict;
pub(crate) mod score;
pub(crate) mod synth;
pub(crate) mod train;
pub(crate) mod weights;
