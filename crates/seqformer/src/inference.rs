//! From a video to scored masks.

mod postprocess;
mod whole_video;

pub use postprocess::{Detection, Selection, SelectionRule, final_masks, select};
pub use whole_video::{DecodedVideo, WholeVideo};
