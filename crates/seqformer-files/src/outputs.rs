//! Which names may be written, decided before the work begins.

use std::path::{Path, PathBuf};

use crate::identity::{is_same_file, resolve};

/// Extensions of images that would become frames of the folder they are written into.
const PICTURES: [&str; 5] = ["jpg", "jpeg", "png", "webp", "bmp"];

/// Why a name may not be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It is an input.
    #[error(
        "{}: this output is the input {}, which is never replaced; choose another name",
        output.display(), input.display()
    )]
    IsInput {
        /// The output.
        output: PathBuf,
        /// The input.
        input: PathBuf,
    },
    /// It would change a folder that is an input.
    #[error(
        "{}: this output would become part of the input {}; choose a location outside it",
        output.display(), input.display()
    )]
    InInput {
        /// The output.
        output: PathBuf,
        /// The input folder.
        input: PathBuf,
    },
    /// It exists, and overwriting was not allowed.
    #[error(
        "{}: already exists; choose another name, or replace it with --overwrite",
        output.display()
    )]
    Exists {
        /// The output.
        output: PathBuf,
    },
    /// A file is to be written, and a folder has its name.
    #[error(
        "{}: expected a name for a file, found a folder; choose another name, such as that of a file in it",
        output.display()
    )]
    IsFolder {
        /// The output.
        output: PathBuf,
    },
    /// A folder on the way to it is a file.
    #[error(
        "{}: expected {} to be a folder, found a file; choose another name",
        output.display(), file.display()
    )]
    BelowFile {
        /// The output.
        output: PathBuf,
        /// The file.
        file: PathBuf,
    },
    /// Two outputs have the same name.
    #[error("{}: two outputs would have this name; choose another one", output.display())]
    Twice {
        /// The output.
        output: PathBuf,
    },
}

/// The rule for everything that writes: an input is never replaced, with or without `--overwrite`; a file that the
/// program did not write is replaced only with it; no two outputs have the same name.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    overwrite: bool,
    inputs: Vec<PathBuf>,
    claimed: Vec<PathBuf>,
}

impl Outputs {
    /// Starts without inputs; `overwrite` allows replacing files that the program did not write.
    pub fn new(overwrite: bool) -> Self {
        Self { overwrite, ..Self::default() }
    }

    /// Adds a file or folder that is read. One that does not exist protects nothing.
    pub fn add_input(&mut self, path: &Path) {
        self.inputs.push(path.to_path_buf());
    }

    /// Claims a name that is written as a whole: a file, or a folder that is replaced.
    ///
    /// # Errors
    ///
    /// The name is an input or would change one, it exists, or it is already claimed.
    pub fn claim(&mut self, output: &Path) -> Result<(), OutputError> {
        self.check(output, self.overwrite)?;
        self.claimed.push(resolve(output));
        Ok(())
    }

    /// Claims the name of a file, which a folder cannot have.
    ///
    /// # Errors
    ///
    /// Those of [`Outputs::claim`], and a folder of this name.
    pub fn claim_file(&mut self, output: &Path) -> Result<(), OutputError> {
        self.check(output, true)?;
        if output.is_dir() {
            return Err(OutputError::IsFolder { output: output.into() });
        }
        self.claim(output)
    }

    /// Claims a name that the program itself uses: an earlier file of this name may be replaced.
    ///
    /// # Errors
    ///
    /// Those of [`Outputs::claim`], except that the name may exist.
    pub fn claim_own(&mut self, output: &Path) -> Result<(), OutputError> {
        self.check(output, true)?;
        self.claimed.push(resolve(output));
        Ok(())
    }

    /// Checks whether a name could be claimed, as the program's own or as any other, without claiming it.
    ///
    /// # Errors
    ///
    /// Those of [`Outputs::claim`] or [`Outputs::claim_own`].
    pub fn can_claim(&self, output: &Path, is_own: bool) -> Result<(), OutputError> {
        self.check(output, is_own || self.overwrite)
    }

    fn check(&self, output: &Path, may_replace: bool) -> Result<(), OutputError> {
        if let Some(file) = file_above(output) {
            return Err(OutputError::BelowFile { output: output.into(), file: file.into() });
        }
        let resolved = resolve(output);
        let found = std::fs::symlink_metadata(output).ok();
        for input in &self.inputs {
            let read = resolve(input);
            // Replacing a folder removes everything inside it.
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
        // Writing to a pipe or a device replaces nothing.
        let is_there = found.is_some_and(|_| {
            std::fs::metadata(output).map_or(true, |found| found.is_file() || found.is_dir())
        });
        if is_there && !may_replace {
            return Err(OutputError::Exists { output: output.into() });
        }
        Ok(())
    }
}

/// Finds what stands in the place of a folder that the path goes through.
fn file_above(path: &Path) -> Option<&Path> {
    let is_no_folder = |above: &&Path| above.metadata().is_ok_and(|found| !found.is_dir());
    path.ancestors().skip(1).find(is_no_folder)
}

#[cfg(test)]
mod tests;
