//! The commands that run the network, one file each.

pub(crate) mod bench;
mod eval;
pub(crate) mod predict;
pub(crate) mod train;
