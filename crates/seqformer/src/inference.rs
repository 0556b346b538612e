//! Inference: from a video to scored masks.

mod clip_predictor;
mod clip_schedule;
mod clip_tracker;
mod clip_video;
mod device_cache;
mod encoded_frames;
mod frame_encoder;
mod graph_cache;
mod model;
mod postprocess;
mod split_on_oom;
mod track_table;
mod whole_video;

pub use clip_predictor::{ClipPrediction, ClipPredictor, ClipRule, FRAMES_PER_PART};
pub use clip_schedule::ClipSchedule;
pub use clip_tracker::{Association, ClipTracker, FinishedFrame};
pub use clip_video::{ClipVideo, ClipVideoEnd};
pub use frame_encoder::Launch;
pub use model::InferenceModel;
pub use postprocess::{
    Detection, Selection, SelectionRule, TopQueries, cells_of_side, classify, final_masks,
    final_masks_in_one_step, select, select_pairs, top_queries,
};
pub use track_table::TrackTable;
pub use whole_video::{DecodedVideo, WholeVideo};
