//! Tests over whole files.

#![allow(clippy::unwrap_used, reason = "what a test cannot read makes it fail")]

mod golden;
mod odd;
