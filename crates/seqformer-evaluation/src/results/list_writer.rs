//! A list of results that is written part by part, a video or an image at a time.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::journal::{Journal, Span};
use crate::EvaluationError;

pub(crate) use super::journal::Part;

/// Keeps finished parts in a journal beside the file until all are there.
#[derive(Debug)]
pub(crate) struct ListWriter {
    path: PathBuf,
    part: Part,
    journal: Journal,
    /// All parts of the run, in the order of the dataset.
    ids: Vec<i64>,
    /// The same ids as a set.
    known: HashSet<i64>,
    finished: HashMap<i64, Span>,
}

impl ListWriter {
    /// Creates the file, or continues the journal of an earlier run with the same `run`.
    pub(crate) fn open(
        path: &Path,
        part: Part,
        ids: &[i64],
        run: &str,
    ) -> Result<Self, EvaluationError> {
        Self::start(path, part, ids, |journal| Journal::open(journal, part, run, false))
    }

    /// Creates the file and discards the journal of any earlier run.
    pub(crate) fn create(
        path: &Path,
        part: Part,
        ids: &[i64],
        run: &str,
    ) -> Result<Self, EvaluationError> {
        Self::start(path, part, ids, |journal| Journal::open(journal, part, run, true))
    }

    fn start(
        path: &Path,
        part: Part,
        ids: &[i64],
        open: impl FnOnce(&Path) -> Result<(Journal, Vec<Span>), EvaluationError>,
    ) -> Result<Self, EvaluationError> {
        let mut known = HashSet::new();
        for &id in ids {
            if !known.insert(id) {
                let message = format!("expected every {} once in the run", part.name());
                return Err(part_error(path, part, id, message));
            }
        }
        let (journal, spans) = open(&journal_path(path))?;
        let mut finished = HashMap::new();
        for span in spans {
            if !known.contains(&span.id) {
                let message = format!(
                    "expected {} of this run, found another in the journal of an earlier one; \
                     remove the .partial file to start over",
                    part.with_article()
                );
                return Err(part_error(path, part, span.id, message));
            }
            finished.insert(span.id, span);
        }
        let (path, ids) = (path.to_path_buf(), ids.to_vec());
        Ok(Self { path, part, journal, ids, known, finished })
    }

    /// Returns whether the results of a part are already written.
    pub(crate) fn is_finished(&self, id: i64) -> bool {
        self.finished.contains_key(&id)
    }

    /// Returns how many parts are already written.
    pub(crate) fn num_finished(&self) -> usize {
        self.finished.len()
    }

    /// Writes all results of a part; `push` appends the text of one result, or returns its error.
    pub(crate) fn write<T>(
        &mut self,
        id: i64,
        results: &[T],
        push: impl Fn(&mut String, &T) -> Result<(), String>,
    ) -> Result<(), EvaluationError> {
        let error = |message| part_error(&self.path, self.part, id, message);
        if !self.known.contains(&id) {
            return Err(error(format!("expected {} of this run", self.part.with_article())));
        }
        if self.is_finished(id) {
            return Err(error(format!("expected each {} once", self.part.name())));
        }
        let mut list = String::new();
        for (index, result) in results.iter().enumerate() {
            if index > 0 {
                list.push_str(", ");
            }
            push(&mut list, result).map_err(|what| error(format!("result {index}: {what}")))?;
        }
        let span = self.journal.push(id, &list)?;
        self.finished.insert(id, span);
        Ok(())
    }

    /// Moves the final file into place, removes the journal and returns the path of the file.
    pub(crate) fn finish(self) -> Result<PathBuf, EvaluationError> {
        let spans: Vec<Span> =
            self.ids.iter().filter_map(|id| self.finished.get(id).copied()).collect();
        if let Some(&first) = self.ids.iter().find(|&&id| !self.is_finished(id)) {
            let (part, expected, found) = (self.part.name(), self.ids.len(), spans.len());
            let path = self.path;
            return Err(EvaluationError::MissingParts { path, part, expected, found, first });
        }
        let written = seqformer_files::replace(&self.path, |file| {
            let mut output = BufWriter::new(file);
            output.write_all(b"[")?;
            let mut separator: &[u8] = b"";
            for span in spans {
                if !span.is_empty() {
                    output.write_all(separator)?;
                    self.journal.copy(span, &mut output)?;
                    separator = b", ";
                }
            }
            output.write_all(b"]")?;
            output.flush()
        });
        written.map_err(|source| EvaluationError::write(&self.path, source))?;
        self.journal.remove()?;
        Ok(self.path)
    }
}

pub(crate) fn journal_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".partial");
    name.into()
}

fn part_error(path: &Path, part: Part, id: i64, message: String) -> EvaluationError {
    EvaluationError::Part { path: path.to_path_buf(), part: part.name(), id, message }
}
