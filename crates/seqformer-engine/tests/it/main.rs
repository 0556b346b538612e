//! Training against numbers of the Python reference.

#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod formula_training;
mod golden_optimizer;
