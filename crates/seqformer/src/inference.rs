//! From a video to scored masks.

mod clip_predictor;
mod clip_schedule;
mod postprocess;
mod whole_video;

pub use clip_predictor::{ClipPrediction, ClipPredictor, ClipRule};
pub use clip_schedule::ClipSchedule;
pub use postprocess::{
    Detection, Selection, SelectionRule, TopQueries, classify, final_masks, select, top_queries,
};
pub use whole_video::{DecodedVideo, WholeVideo};
