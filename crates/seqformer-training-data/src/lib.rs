//! What a training sees: the datasets of a configuration, and how they become clips. No tensors.
//!
//! A [`DataPlan`] holds all that a configuration says of the data, [`training_data`] reads the
//! datasets and gives each its mapper, and a [`BatchPlan`] puts clips in order. Training and `seqformer data show` both use it, so that the
//! latter shows what the former sees.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use seqformer_config::{CfgNode, Config};
//! use seqformer_training_data::{DataPlan, training_data};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut node = CfgNode::defaults();
//! node.merge_from_file(Path::new("configs/base_ytvis.yaml"))?;
//! let plan = DataPlan::from_config(&Config::try_from(&node)?);
//! let data = training_data(&plan)?;
//! println!("{}", data.describe().join("\n"));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod batches;
mod datasets;
mod error;
mod mappers;
mod plan;

pub use batches::BatchPlan;
pub use datasets::{TrainingData, find_dataset, image_root, training_data};
pub use error::TrainingDataError;
pub use plan::DataPlan;
