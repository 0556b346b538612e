//! Training checkpoints: `model_0000999.pth`, `model_final.pth` and `last_checkpoint`.
//!
//! Reference: detectron2 `checkpoint/detection_checkpoint.py`; fvcore `common/checkpoint.py`,
//! `PeriodicCheckpointer`. The files are those of detectron2, with an entry of our own beside them, so
//! either program goes on from the other's.
//!
//! Differs: every run has a word of its own (`run_id`), which its checkpoints repeat. In a folder in which several runs
//! were begun, a run goes on from its own checkpoints only, and never replaces or removes those of another.

mod optimizer_state;
mod position;
mod search;
mod state;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use seqformer_checkpoint::{Value, read_tree, write_pth};

use crate::{EngineError, files};

pub(crate) use optimizer_state::restore_optimizer;
use position::run_of;
pub(crate) use position::{Position, position_of};
pub(crate) use search::is_damage;
use search::{Outline, iteration_of};
pub(crate) use state::{TrainState, model_of, provenance_of};

/// Names the newest checkpoint.
const LAST: &str = "last_checkpoint";
/// The checkpoint after the last iteration.
const FINAL: &str = "model_final.pth";
/// The checkpoint with the best validation.
const BEST: &str = "model_best.pth";
/// Names the run that was begun last in the folder.
const RUN: &str = "run_id";

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
    pub(crate) fn save(&self, iteration: u64, tree: &Value) -> Result<PathBuf, EngineError> {
        let path = self.save_as(&format!("model_{iteration:07}.pth"), tree)?;
        self.remove_old(&path, run_of(tree))?;
        Ok(path)
    }

    /// Writes the checkpoint of a finished training.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(crate) fn save_final(&self, tree: &Value) -> Result<PathBuf, EngineError> {
        self.save_as(FINAL, tree)
    }

    /// Tells whether the checkpoint of the end is there, and is that of the folder's run.
    pub(crate) fn has_final(&self) -> bool {
        let found = Outline::of(&self.folder.join(FINAL));
        found.is_ok_and(|found| self.run().is_ok_and(|run| run.is_none() || found.run == run))
    }

    /// Writes the checkpoint that validated best; it is not the one that a run goes on from.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(crate) fn save_best(&self, tree: &Value) -> Result<PathBuf, EngineError> {
        self.write(BEST, tree)
    }

    /// Makes the folder that of the new run `run`: its checkpoints are not those that are there already.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written.
    pub(crate) fn start_run(&self, run: &str) -> Result<(), EngineError> {
        files::replace(&self.folder.join(RUN), run.as_bytes())?;
        let marker = self.folder.join(LAST);
        match std::fs::remove_file(&marker) {
            Ok(()) => {
                tracing::warn!(
                    "{}: an earlier run wrote checkpoints here; they are kept, but --resume continues this run only",
                    self.folder.display()
                );
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(source) => Err(EngineError::Unwritable { path: marker, source }),
        }
    }

    /// Makes the folder that of the run `run`, which goes on in it.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written.
    pub(crate) fn resume_run(&self, run: &str) -> Result<(), EngineError> {
        if self.run()?.as_deref() == Some(run) {
            return Ok(());
        }
        files::replace(&self.folder.join(RUN), run.as_bytes())
    }

    fn save_as(&self, name: &str, tree: &Value) -> Result<PathBuf, EngineError> {
        let path = self.write(name, tree)?;
        // Only when the checkpoint is whole.
        files::replace(&self.folder.join(LAST), name.as_bytes())?;
        Ok(path)
    }

    /// Writes a checkpoint; a file of this name that is not this run's is kept under another.
    fn write(&self, name: &str, tree: &Value) -> Result<PathBuf, EngineError> {
        let path = self.folder.join(name);
        if path.exists() {
            let why = match Outline::of(&path) {
                Ok(found) if found.run.as_deref() == run_of(tree) => None,
                Ok(_) => Some("it belongs to another run"),
                Err(_) => Some("it cannot be read"),
            };
            if let Some(why) = why {
                let aside = seqformer_files::unused_sibling(&path);
                tracing::warn!("{}: {why}; it is kept as {}", path.display(), aside.display());
                std::fs::rename(&path, &aside)
                    .map_err(|source| EngineError::Unwritable { path: path.clone(), source })?;
            }
        }
        write_pth(&path, tree)?;
        Ok(path)
    }

    /// The word of the run that was begun last.
    fn run(&self) -> Result<Option<String>, EngineError> {
        read_word(&self.folder.join(RUN))
    }

    /// Reads a checkpoint whole.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is damaged.
    pub(crate) fn read(path: &Path) -> Result<Value, EngineError> {
        Ok(read_tree(path)?)
    }

    /// Removes periodic checkpoints of the run of `newest` beyond the newest few, never `newest`.
    fn remove_old(&self, newest: &Path, run: Option<&str>) -> Result<(), EngineError> {
        if self.keep == 0 {
            return Ok(());
        }
        let mut periodic = Vec::new();
        for path in self.files()? {
            let number = path.file_name().and_then(|name| name.to_str()).and_then(iteration_of);
            let Some(number) = number.filter(|_| path != newest) else { continue };
            if Outline::of(&path).is_ok_and(|found| found.run.as_deref() == run) {
                periodic.push((number, path));
            }
        }
        periodic.sort();
        let surplus = (periodic.len() + 1).saturating_sub(self.keep);
        for (_, path) in periodic.into_iter().take(surplus) {
            std::fs::remove_file(&path)
                .map_err(|source| EngineError::Unwritable { path, source })?;
        }
        Ok(())
    }
}

/// The word in a small file; `None` if there is no such file, or nothing in it.
fn read_word(path: &Path) -> Result<Option<String>, EngineError> {
    match std::fs::read(path) {
        Ok(bytes) => {
            let word = String::from_utf8_lossy(&bytes).trim().to_owned();
            Ok((!word.is_empty()).then_some(word))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EngineError::Unreadable { path: path.to_path_buf(), source }),
    }
}

/// A checkpoint that a training cannot go on from.
fn wrong(path: &Path, what: &str) -> EngineError {
    EngineError::Resume { path: path.to_path_buf(), what: what.to_owned() }
}

#[cfg(test)]
mod tests;
