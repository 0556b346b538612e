//! Reports as files, and their pages in a browser.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod chromium;
mod dataset;
mod files;
mod pages;
mod player;
