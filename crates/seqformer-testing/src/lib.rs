//! What the tests of several crates share: golden files, weights by formula, tolerances.
//!
//! Reading takes an explicit path and returns an error; comparing, and finding a file in the workspace,
//! panic with a full message, because that is how tests report.
//!
//! ```
//! use seqformer_testing::{assert_close, common_weights};
//!
//! let weight = common_weights("transformer.level_embed", &[4, 256]);
//! assert_close("level_embed", &weight, &weight.clone(), 1e-6);
//! ```

#![forbid(unsafe_code)]

mod close;
mod formula;
mod golden;
mod npy;

pub use close::{Difference, assert_close, assert_close_f64, compare, compare_f64};
pub use formula::{
    UniformRange, common_frames, common_name, common_noise, common_range, common_weights, fnv1a,
    formula_pixels, formula_weights, signed_unit, splitmix64, summary_index, unit,
};
pub use golden::{GoldenError, golden_dir, golden_path, read_arrays, read_bytes, read_json};
pub use npy::{NpyArray, read_npy};
