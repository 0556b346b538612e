//! Training checkpoints: `model_0000999.pth`, `model_final.pth` and `last_checkpoint`.
//!
//! Reference: detectron2 `checkpoint/detection_checkpoint.py`; fvcore `common/checkpoint.py`,
//! `PeriodicCheckpointer`. The files are those of detectron2, with an entry of our own beside them, so
//! either program goes on from the other's.

mod state;

use std::path::{Path, PathBuf};

use seqformer_checkpoint::{Value, read_tree, write_pth};

use crate::{EngineError, files};

pub use state::{Position, TrainState};
pub(crate) use state::{model_of, position_of, provenance_of, restore_optimizer};

/// Names the newest checkpoint.
const LAST: &str = "last_checkpoint";
/// The checkpoint after the last iteration.
const FINAL: &str = "model_final.pth";
/// The checkpoint with the best validation.
const BEST: &str = "model_best.pth";

/// The checkpoints of one output folder.
#[derive(Debug, Clone)]
pub struct Checkpointer {
    folder: PathBuf,
    /// Newest periodic checkpoints that stay; 0 for all.
    keep: usize,
}

impl Checkpointer {
    /// Serves the folder, of whose periodic checkpoints the newest `keep` stay, or all for 0.
    pub fn new(folder: &Path, keep: usize) -> Self {
        Self { folder: folder.to_path_buf(), keep }
    }

    /// Writes the checkpoint after `iteration`, counted from 0, and then forgets old ones.
    ///
    /// # Errors
    ///
    /// If it cannot be written; earlier checkpoints then stay as they are.
    pub fn save(&self, iteration: u64, tree: &Value) -> Result<PathBuf, EngineError> {
        let path = self.save_as(&format!("model_{iteration:07}.pth"), tree)?;
        self.remove_old(&path)?;
        Ok(path)
    }

    /// Writes the checkpoint of a finished training.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn save_final(&self, tree: &Value) -> Result<PathBuf, EngineError> {
        self.save_as(FINAL, tree)
    }

    /// Tells whether the checkpoint of the end is there.
    pub fn has_final(&self) -> bool {
        self.folder.join(FINAL).exists()
    }

    /// Writes the checkpoint that validated best; it is not the one that a run goes on from.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn save_best(&self, tree: &Value) -> Result<PathBuf, EngineError> {
        let path = self.folder.join(BEST);
        write_pth(&path, tree)?;
        Ok(path)
    }

    fn save_as(&self, name: &str, tree: &Value) -> Result<PathBuf, EngineError> {
        let path = self.folder.join(name);
        write_pth(&path, tree)?;
        // Only when the checkpoint is whole.
        files::replace(&self.folder.join(LAST), name.as_bytes())?;
        Ok(path)
    }

    /// The newest checkpoint, if there is one.
    ///
    /// # Errors
    ///
    /// If the file that names it cannot be read, or names one that is gone.
    pub fn last(&self) -> Result<Option<PathBuf>, EngineError> {
        let marker = self.folder.join(LAST);
        let name = match std::fs::read_to_string(&marker) {
            Ok(name) => name,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(EngineError::Unreadable { path: marker, source }),
        };
        let path = self.folder.join(name.trim());
        if path.is_file() {
            return Ok(Some(path));
        }
        let what = format!("names {}, which is not there; remove it to start anew", path.display());
        Err(EngineError::Resume { path: marker, what })
    }

    /// Reads a checkpoint whole.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is damaged.
    pub fn read(path: &Path) -> Result<Value, EngineError> {
        Ok(read_tree(path)?)
    }

    /// Removes periodic checkpoints beyond the newest few, never `newest`.
    fn remove_old(&self, newest: &Path) -> Result<(), EngineError> {
        if self.keep == 0 {
            return Ok(());
        }
        let unreadable = |source| EngineError::Unreadable { path: self.folder.clone(), source };
        let mut periodic = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let number = path.file_name().and_then(|name| name.to_str()).and_then(iteration_of);
            periodic.extend(number.map(|number| (number, path)));
        }
        periodic.sort();
        periodic.retain(|(_, path)| path != newest);
        let surplus = (periodic.len() + 1).saturating_sub(self.keep);
        for (_, path) in periodic.into_iter().take(surplus) {
            std::fs::remove_file(&path)
                .map_err(|source| EngineError::Unwritable { path, source })?;
        }
        Ok(())
    }
}

/// The iteration in `model_0000999.pth`.
fn iteration_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("model_")?.strip_suffix(".pth")?;
    (digits.len() >= 7 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests;
