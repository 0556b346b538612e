//! Writing files so that nothing is lost.
//!
//! Everything that writes a file goes through here: [`replace`] and [`TemporaryFile`] make a file appear as a whole
//! or not at all, [`replace_folder`] and [`TemporaryFolder`] do so with folders, [`Outputs`] decides before the work begins which names may be written, and [`FolderLock`] keeps
//! two runs out of one folder.
//!
//! ```
//! use std::io::Write as _;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let (input, output) = (folder.path().join("in.json"), folder.path().join("out.json"));
//! # std::fs::write(&input, "[]")?;
//! let mut outputs = seqformer_files::Outputs::new(false);
//! outputs.add_input(&input);
//! outputs.claim(&output)?;
//! seqformer_files::replace(&output, |file| file.write_all(b"[1]"))?;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod folder_lock;
mod identity;
mod outputs;
mod replace_folder;
mod sibling;
mod temporary;

pub use folder_lock::{FolderLock, LockError};
pub use outputs::{OutputError, Outputs};
pub use replace_folder::replace_folder;
pub use sibling::unused_sibling;
pub use temporary::{TemporaryFile, TemporaryFolder, remove_leftovers, remove_own, replace};
