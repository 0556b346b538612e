//! Checkpoint files as named arrays.
//!
//! [`read`] takes a PyTorch file (`torch.save`, the zip form and the older stream form), a pickle of
//! numpy arrays (detectron2's model zoo) or a safetensors file, and recognizes them by their content.
//! A pickle is a program. Here it is interpreted only far enough to find the tensors: the few names that
//! build them are known, any other object is skipped with a note, and a name that could do harm, such as
//! `os.system`, is refused. Files are never executed.
//!
//! [`read_tree`] also returns everything beside the tensors, such as the state of an optimizer.
//! [`key_map`] translates the names of other programs. [`write_safetensors`] and [`write_pth`], which
//! `torch.load` can read, write atomically: a reader never sees a half-written file.
//!
//! ```no_run
//! use std::path::Path;
//!
//! let state = seqformer_checkpoint::read(Path::new("model_final.pth"))?;
//! for (name, array) in &state {
//!     println!("{name}: {} {:?}", array.dtype(), array.shape());
//! }
//! # Ok::<(), seqformer_checkpoint::CheckpointError>(())
//! ```

#![forbid(unsafe_code)]

mod array;
mod entries;
mod error;
mod file_kind;
pub mod key_map;
mod pickle;
mod pkl;
mod provenance;
mod pth;
mod reader;
mod safetensors;
mod source;
mod state_dict;
mod tree;
mod value;
pub mod weights;
mod wrappers;

pub use array::{Array, ArrayError, DType, NotFinite};
pub use error::{CheckpointError, Reason};
pub use provenance::{OWN_ENTRY, Provenance, hash};
pub use pth::write_pth;
pub use reader::{read, read_bytes};
pub use safetensors::write_safetensors;
pub use state_dict::{StateDict, few};
pub use tree::{read_outline, read_tree};
pub use value::Value;
