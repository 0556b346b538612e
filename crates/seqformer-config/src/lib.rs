//! Configurations as detectron2 writes them, read into typed and checked settings.
//!
//! A configuration is a tree of defaults ([`CfgNode::defaults`]), overridden by a YAML file and its
//! `_BASE_` files, and then by `KEY VALUE` pairs of the command line. [`Config`] holds what the
//! program needs of it. Values follow YAML 1.1 as PyYAML reads it, and Python literals in text, as
//! yacs decodes them.
//!
//! Sources: detectron2 0.6 `detectron2/config/`, yacs `config.py`, VNext
//! `projects/SeqFormer/seqformer/config.py`.
//!
//! ```
//! use seqformer_config::{CfgNode, Config};
//!
//! # fn main() -> Result<(), seqformer_config::ConfigError> {
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs");
//! # let file = std::path::Path::new(folder).join("base_ytvis.yaml");
//! let mut node = CfgNode::defaults();
//! node.merge_from_file(&file)?; // configs/base_ytvis.yaml
//! node.merge_from_list(&["MODEL.SeqFormer.NUM_CLASSES".to_owned(), "25".to_owned()])?;
//! let config = Config::try_from(&node)?;
//! assert_eq!(config.model.seqformer.num_classes, 25);
//! assert_eq!(config.input.sampling_frame_num, 5);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

pub mod config;
mod device;
mod error;
mod key;
mod keys;
mod literal;
mod node;
mod opts;
mod path;
mod reference_page;
mod spec;
mod suggest;
mod tree;
mod value;
mod version;
mod yaml;

pub use config::Config;
pub use device::DeviceChoice;
pub use error::{ConfigError, Origin, ValueError};
pub use node::{CfgNode, ineffective_keys};
pub use path::{PathError, expand_path};
pub use reference_page::reference_page;
pub use suggest::closest as closest_key;
pub use value::Value;
