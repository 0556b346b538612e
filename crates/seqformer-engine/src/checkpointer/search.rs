//! Which checkpoint a run goes on from.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use seqformer_checkpoint::{Reason, read_outline};

use super::position::outline_of;
use super::{BEST, Checkpointer, FINAL, LAST, RUN, read_word};
use crate::EngineError;

impl Checkpointer {
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
            let what = format!("names {}, which does not exist", path.display());
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
                "no checkpoint of this run can be read: {reasons}; restore one, or set another OUTPUT_DIR to start a \
                 new run"
            );
            return Err(EngineError::Resume { path: self.folder.clone(), what });
        }
        if !others.is_empty() {
            let names: Vec<String> = others.iter().map(|path| path.display().to_string()).collect();
            tracing::warn!(
                "{}: the latest run in this folder has written no checkpoint, and those of other runs are not used: \
                 {}; to resume from the newest of them, remove {}",
                self.folder.display(),
                seqformer_checkpoint::few(&names),
                self.folder.join(RUN).display()
            );
        }
        Ok(None)
    }

    /// All checkpoints of the folder.
    pub(super) fn files(&self) -> Result<Vec<PathBuf>, EngineError> {
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
}

/// What is said of a checkpoint without reading its tensors.
pub(super) struct Outline {
    iterations: u64,
    pub(super) run: Option<String>,
}

impl Outline {
    pub(super) fn of(path: &Path) -> Result<Self, EngineError> {
        let (iterations, run) = outline_of(&read_outline(path)?, path)?;
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

/// The iteration in `model_0000999.pth`.
pub(super) fn iteration_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("model_")?.strip_suffix(".pth")?;
    (digits.len() >= 7 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())?
}
