//! Which names may be written: decided before the work begins.

use std::path::{Path, PathBuf};

use crate::identity::{is_same_file, resolve};

/// Pictures that would become frames of the folder they are written into.
const PICTURES: [&str; 5] = ["jpg", "jpeg", "png", "webp", "bmp"];

/// Why a name may not be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It is what is read.
    #[error(
        "{}: this output is the input {}, which is never replaced; choose another name",
        output.display(), input.display()
    )]
    IsInput {
        /// What was to be written.
        output: PathBuf,
        /// What is read.
        input: PathBuf,
    },
    /// It would change a folder that is read.
    #[error(
        "{}: this output would become part of the input {}; choose a location outside it",
        output.display(), input.display()
    )]
    InInput {
        /// What was to be written.
        output: PathBuf,
        /// The folder that is read.
        input: PathBuf,
    },
    /// It is there, and nobody said that it may be replaced.
    #[error(
        "{}: already exists; choose another name, or replace it with --overwrite",
        output.display()
    )]
    Exists {
        /// What was to be written.
        output: PathBuf,
    },
    /// Two outputs have one name.
    #[error("{}: two outputs would have this name; choose another one", output.display())]
    Twice {
        /// What was to be written.
        output: PathBuf,
    },
}

/// The rule for everything that writes: an input is never replaced, with or without `--overwrite`; what is there and
/// is not ours is replaced only with it; no two outputs have one name.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    overwrite: bool,
    inputs: Vec<PathBuf>,
    claimed: Vec<PathBuf>,
}

impl Outputs {
    /// Begins without inputs; `overwrite` says that files of others may be replaced.
    pub fn new(overwrite: bool) -> Self {
        Self { overwrite, ..Self::default() }
    }

    /// Names a file or folder that is read. One that is not there protects nothing.
    pub fn add_input(&mut self, path: &Path) {
        self.inputs.push(path.to_path_buf());
    }

    /// Takes a name that is to be written as a whole: a file, or a folder that is replaced.
    ///
    /// # Errors
    ///
    /// The name is an input or would change one, something is there already, or it is taken.
    pub fn claim(&mut self, output: &Path) -> Result<(), OutputError> {
        self.check(output, self.overwrite)?;
        self.claimed.push(resolve(output));
        Ok(())
    }

    /// The same for a name that is known to be ours: an earlier file of it may be replaced.
    ///
    /// # Errors
    ///
    /// Those of [`Outputs::claim`], except that something may be there.
    pub fn claim_own(&mut self, output: &Path) -> Result<(), OutputError> {
        self.check(output, true)?;
        self.claimed.push(resolve(output));
        Ok(())
    }

    /// Tells whether a name could be claimed, as one of ours or as any other, and claims nothing.
    ///
    /// # Errors
    ///
    /// Those of [`Outputs::claim`] or [`Outputs::claim_own`].
    pub fn can_claim(&self, output: &Path, is_own: bool) -> Result<(), OutputError> {
        self.check(output, is_own || self.overwrite)
    }

    fn check(&self, output: &Path, may_replace: bool) -> Result<(), OutputError> {
        let resolved = resolve(output);
        let found = std::fs::symlink_metadata(output).ok();
        for input in &self.inputs {
            let read = resolve(input);
            // A folder that is replaced takes with it what lies in it.
            let holds_input =
                read.starts_with(&resolved) && found.as_ref().is_some_and(|f| !f.is_file());
            if read == resolved || holds_input || is_same_file(output, input) {
                return Err(OutputError::IsInput { output: output.into(), input: input.clone() });
            }
            let extension = output.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            if PICTURES.contains(&extension.as_str())
                && resolved.parent() == Some(&read)
                && read.is_dir()
            {
                return Err(OutputError::InInput { output: output.into(), input: input.clone() });
            }
        }
        if self.claimed.contains(&resolved) {
            return Err(OutputError::Twice { output: output.into() });
        }
        // Nobody loses what is written to a pipe or a device.
        let is_there = found.is_some_and(|_| {
            std::fs::metadata(output).map_or(true, |found| found.is_file() || found.is_dir())
        });
        if is_there && !may_replace {
            return Err(OutputError::Exists { output: output.into() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
