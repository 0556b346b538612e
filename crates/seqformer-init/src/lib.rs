//! From annotations and frames to a configuration that trains.
//!
//! [`Project::prepare`] reads annotations of any known format, finds their frames, and holds some videos back for validation.
//! [`Start`] says which network the training starts with, [`Training`] the numbers that a user would tune, and [`Costs`] which
//! batch a machine bears. [`Project::finish`] writes all of it into a new folder, which appears as a whole.
//!
//! ```no_run
//! use std::path::Path;
//! use seqformer_init::{Batch, Network, Project, Request, Start, Training, Wishes};
//!
//! # fn main() -> Result<(), seqformer_init::InitError> {
//! let start = Start::random(Network::Small)?;
//! let request = Request::new(Path::new("train.json"), Path::new("frames"), Path::new("street"));
//! let project = Project::prepare(&request, &mut |_frames| {})?;
//! let training =
//!     Training::new(&start, project.train(), project.is_images(), Batch::FIRST, Wishes::default());
//! let config_file = project.finish(&start, &training, &[])?;
//! println!("seqformer train --config-file {}", config_file.display());
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod config_text;
mod costs;
mod counts;
mod error;
mod films;
mod frames;
mod project;
mod request;
mod start;
mod training;

pub use costs::{Batch, Costs, Gpu};
pub use counts::{ClassCount, Counts};
pub use error::InitError;
pub use project::Project;
pub use request::Request;
pub use start::{Knows, Network, Start, Weights};
pub use training::{Training, Wishes};
