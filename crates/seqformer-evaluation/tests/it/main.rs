//! Scoring together with the other readers of annotation files.

#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod one_reader;
