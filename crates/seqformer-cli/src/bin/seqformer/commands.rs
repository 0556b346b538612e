//! The commands that need no network, one file each.

pub(crate) mod config;
pub(crate) mod data;
pub(crate) mod models;
pub(crate) mod score;
mod show;
pub(crate) mod synth;
pub(crate) mod weights;
