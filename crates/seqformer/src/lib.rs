//! The SeqFormer network: video instance segmentation with per-frame box queries.
//!
//! A backbone and a deformable encoder process a clip frame by frame. A decoder with one query per instance, and one
//! box query per instance and frame, then finds every object in all frames at once. Source: Wu et al., "SeqFormer"
//! (ECCV 2022, arXiv:2112.08275); the reference is VNext, `projects/SeqFormer`. This crate takes tensors and plain
//! structs; files and configurations are handled elsewhere.
//!
//! Axes: `N` clips, `T` frames, `Q` queries, `I` instances, `K` classes, `L` levels, `M` heads, `P` points, `S` tokens
//! of all levels, `C` channels, `H` and `W` pixels or cells.

#![forbid(unsafe_code)]

pub mod assignment;
pub mod backbone;
mod box_ops;
mod clip;
pub mod config;
mod criterion;
mod detector;
mod error;
mod frame_size;
pub mod inference;
mod init;
mod layers;
mod load_report;
mod losses;
mod mask_head;
mod matcher;
mod parameters;
mod precision;
mod prepared_layers;
mod shape_spec;
mod stage_clock;
mod targets;
mod transformer;
mod weights;

pub use clip::{normalize_and_pad, padding_mask};
pub use config::SeqFormerConfig;
pub use criterion::{Loss, LossWeights, Losses, SetCriterion, mean_instances};
pub use detector::{ClipOutput, Heads, RecomputedParts, SeqFormer, TrainLayer, TrainOutput};
pub use error::ModelError;
pub use frame_size::{padded_size, size_of_frames};
pub use init::initialize;
pub use load_report::{LoadReport, WrongShape};
pub use matcher::{ClipMatches, HungarianMatcher, LayerMatches, Predictions};
pub use parameters::{NamedTensor, by_registration, named_tensors, trained_parameters};
pub use precision::Precision;
pub use stage_clock::{Stage, StageTimes, time_stages};
pub use targets::ClipTarget;
pub use transformer::{
    DecoderLayerOutput, DecoderOutput, FrameFeatures, KeepLayers, Memory, RunningAggregation,
    TokenLayout,
};
pub use weights::{load_matching, load_state_dict, network_shapes, state_dict};
