//! What the crates that call libtorch from C++ have in common, below all of them.
//!
//! `tch` reaches what libtorch's own bindings offer. Where more is needed, a crate has C++ of its own, behind a flat
//! C ABI that no exception crosses: every function that can fail returns a [`Message`], which [`check`] turns into a
//! result. Its headers are in `cpp`, which dependents find as `DEP_SEQFORMER_LIBTORCH_INCLUDE`.
//!
//! ```
//! use seqformer_libtorch::{OpsError, out_of_memory::OutOfMemory};
//!
//! let error = OpsError::Torch { operation: "upload", message: "CUDA out of memory. 1 GiB".to_owned() };
//! assert_eq!(error.to_string(), "upload: CUDA out of memory. 1 GiB");
//! assert!(OutOfMemory::of(&error.to_string()).is_some());
//! ```

mod error;
#[expect(unsafe_code, reason = "a setting of libtorch")]
mod grad_mode;
#[expect(unsafe_code, reason = "calls of the shim")]
mod library;
#[expect(unsafe_code, reason = "what all calls of the shim return")]
mod message;
#[expect(unsafe_code, reason = "functions that are called back")]
pub mod ms_deform_attn;
#[expect(unsafe_code, reason = "the memory of tensors")]
mod operands;
pub mod out_of_memory;

pub use error::OpsError;
pub use library::{find_symbol, open_library};
pub use message::{Message, check};
pub use operands::{addresses, operand, operand_mut};
