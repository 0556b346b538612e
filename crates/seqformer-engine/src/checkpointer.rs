//! Training checkpoints: `model_0000999.pth`, `model_final.pth` and `last_checkpoint`.
//!
//! Reference: detectron2 `checkpoint/detection_checkpoint.py`; fvcore `common/checkpoint.py`,
//! `PeriodicCheckpointer`. The files are those of detectron2, with an entry of our own beside them, so
//! either program goes on from the other's.
//!
//! Differs: every run has a word of its own (`run_id`), which its checkpoints repeat. In a folder in which several runs
//! were begun, a run goes on from its own checkpoints only, and never replaces or removes those of another.

mod position;
mod state;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use seqformer_checkpoint::{Reason, Value, read_outline, read_tree, write_pth};

use crate::{EngineError, files};

pub(crate) use position::Position;
use state::run_of;
pub(crate) use state::{TrainState, model_of, position_of, provenance_of, restore_optimizer};

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
    pub(crate) fn begin_run(&self, run: &str) -> Result<(), EngineError> {
        files::replace(&self.folder.join(RUN), run.as_bytes())?;
        let marker = self.folder.join(LAST);
        match std::fs::remove_file(&marker) {
            Ok(()) => {
                tracing::warn!(
                    "{}: an earlier run wrote checkpoints here; they stay, and --resume goes on from this run's",
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
    pub(crate) fn go_on_with_run(&self, run: &str) -> Result<(), EngineError> {
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
                Ok(_) => Some("another run wrote this"),
                Err(_) => Some("this cannot be read"),
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

    /// The newest checkpoint of the folder's run that can be read, if there is one.
    ///
    /// # Errors
    ///
    /// If there are checkpoints of this run, but none that can be read, or if the folder cannot be read.
    pub fn last(&self) -> Result<Option<PathBuf>, EngineError> {
        self.last_but(&mut Vec::new())
    }

    /// Like [`Checkpointer::last`], without the files of which `broken` has errors already; it gets those of others.
    pub(crate) fn last_but(
        &self,
        broken: &mut Vec<(PathBuf, EngineError)>,
    ) -> Result<Option<PathBuf>, EngineError> {
        let run = self.run()?;
        let marker = self.folder.join(LAST);
        let marked = read_word(&marker)?.map(|name| self.folder.join(name));
        let is_known = |broken: &[(PathBuf, EngineError)], path: &Path| {
            broken.iter().any(|(known, _)| known == path)
        };
        let mut others = Vec::new();
        if let Some(path) = marked.as_ref().filter(|path| !path.exists() && !is_known(broken, path))
        {
            let what = format!("names {}, which is not there", path.display());
            broken.push((path.clone(), EngineError::Resume { path: marker.clone(), what }));
        }
        if let Some(path) = marked.as_ref().filter(|path| !is_known(broken, path)) {
            match Outline::of(path) {
                // A file without a word is one that detectron2 wrote, going on from ours.
                Ok(found) if found.run.is_none() || run.is_none() || found.run == run => {
                    return Ok(Some(path.clone()));
                }
                Ok(_) => others.push(path.clone()),
                Err(error) if is_damage(&error) => broken.push((path.clone(), error)),
                Err(error) => return Err(error),
            }
        }
        let mut found: Vec<(Outline, PathBuf)> = Vec::new();
        for path in self.files()? {
            if is_known(broken, &path) || marked.as_ref() == Some(&path) {
                continue;
            }
            match Outline::of(&path) {
                Ok(outline) if run.is_none() || outline.run == run => found.push((outline, path)),
                Ok(_) | Err(EngineError::Resume { .. }) => others.push(path),
                Err(error) if is_damage(&error) => broken.push((path, error)),
                Err(error) => return Err(error),
            }
        }
        // After as many iterations, the best is the same as the others, which are what a run goes on from.
        found.sort_by_key(|(outline, path)| {
            (outline.iterations, !path.ends_with(BEST), path.clone())
        });
        let reasons: Vec<String> = broken.iter().map(|(_, error)| error.to_string()).collect();
        let reasons = reasons.join("; ");
        if let Some((_, path)) = found.pop() {
            let why = match &marked {
                None => format!("there is no {}", marker.display()),
                Some(_) if reasons.is_empty() => {
                    format!("{} names a checkpoint of another run", marker.display())
                }
                Some(_) => reasons,
            };
            tracing::warn!("{why}; the newest checkpoint that can be read is {}", path.display());
            return Ok(Some(path));
        }
        if !broken.is_empty() {
            let what = format!(
                "no checkpoint of this run can be read: {reasons}; get one back, or set another OUTPUT_DIR to begin anew"
            );
            return Err(EngineError::Resume { path: self.folder.clone(), what });
        }
        if !others.is_empty() {
            let names: Vec<String> = others.iter().map(|path| path.display().to_string()).collect();
            tracing::warn!(
                "{}: the run that was begun last here has written no checkpoint, and those of other runs are not \
                 taken: {}; to go on from the newest of them, remove {}",
                self.folder.display(),
                seqformer_checkpoint::few(&names),
                self.folder.join(RUN).display()
            );
        }
        Ok(None)
    }

    /// The word of the run that was begun last.
    fn run(&self) -> Result<Option<String>, EngineError> {
        read_word(&self.folder.join(RUN))
    }

    /// All checkpoints of the folder.
    fn files(&self) -> Result<Vec<PathBuf>, EngineError> {
        let unreadable = |source| EngineError::Unreadable { path: self.folder.clone(), source };
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(unreadable(source)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if (name == FINAL || name == BEST || iteration_of(name).is_some()) && path.is_file() {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
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

/// What is said of a checkpoint without reading its tensors.
struct Outline {
    iterations: u64,
    run: Option<String>,
}

impl Outline {
    fn of(path: &Path) -> Result<Self, EngineError> {
        let (iterations, run) = state::outline_of(&read_outline(path)?, path)?;
        Ok(Self { iterations, run })
    }
}

/// Whether an error says that the file is gone, cut off or changed, and not that it is of another kind or closed to us.
pub(crate) fn is_damage(error: &EngineError) -> bool {
    match error {
        EngineError::AlteredWeights { .. } => true,
        EngineError::Checkpoint(error) => match &error.reason {
            Reason::Io(error) => {
                matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData)
            }
            Reason::NotFound { .. }
            | Reason::NotACheckpoint { .. }
            | Reason::Malformed { .. }
            | Reason::Tensor { .. } => true,
            _ => false,
        },
        _ => false,
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

/// The iteration in `model_0000999.pth`.
fn iteration_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("model_")?.strip_suffix(".pth")?;
    (digits.len() >= 7 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests;
