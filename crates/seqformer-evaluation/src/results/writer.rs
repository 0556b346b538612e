//! Writing results while a run goes on.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::TrackResult;
use super::atomic::replace_file;
use super::journal::{Journal, Span};
use super::python_json::push_result;
use crate::EvaluationError;

/// Writes a results file video by video, so that a killed run loses no finished video.
///
/// Until the end the results are kept in a journal beside the file, `results.json.partial`. A run
/// that is started again finds its finished videos there. The final file is in the order of the
/// dataset, whatever the order of writing, and is the same with and without interruptions.
#[derive(Debug)]
pub struct ResultsWriter {
    path: PathBuf,
    journal: Journal,
    /// All videos of the run in the order of the dataset.
    video_ids: Vec<i64>,
    finished: HashMap<i64, Span>,
}

impl ResultsWriter {
    /// Begins the results file `path`, or goes on with what an earlier run left.
    ///
    /// `video_ids` are all videos of the run in the order of the dataset. `run` is a line that
    /// describes what the results depend on, such as the checkpoint and the settings.
    ///
    /// # Errors
    ///
    /// A journal that cannot be opened, that another process is writing, or that another run has
    /// begun; and a video that is listed twice.
    pub fn open(path: &Path, video_ids: &[i64], run: &str) -> Result<Self, EvaluationError> {
        Self::begin(path, video_ids, run, false)
    }

    /// Begins the results file `path`, whatever an earlier run has left.
    ///
    /// # Errors
    ///
    /// Those of [`ResultsWriter::open`], except that another run's journal is replaced.
    pub fn create(path: &Path, video_ids: &[i64], run: &str) -> Result<Self, EvaluationError> {
        Self::begin(path, video_ids, run, true)
    }

    fn begin(
        path: &Path,
        video_ids: &[i64],
        run: &str,
        afresh: bool,
    ) -> Result<Self, EvaluationError> {
        let mut known = HashSet::new();
        for &video_id in video_ids {
            if !known.insert(video_id) {
                return Err(video_error(path, video_id, "expected every video once in the run"));
            }
        }
        let (journal, spans) = Journal::open(&journal_path(path), run, afresh)?;
        let mut finished = HashMap::new();
        for span in spans {
            if !known.contains(&span.video_id) {
                let message = "expected a video of this run, found another in the journal of an \
                               earlier one; remove the .partial file to start afresh";
                return Err(video_error(path, span.video_id, message));
            }
            finished.insert(span.video_id, span);
        }
        Ok(Self { path: path.to_path_buf(), journal, video_ids: video_ids.to_vec(), finished })
    }

    /// Tells whether the results of a video are written already.
    pub fn is_finished(&self, video_id: i64) -> bool {
        self.finished.contains_key(&video_id)
    }

    /// Returns how many videos are written already.
    pub fn num_finished(&self) -> usize {
        self.finished.len()
    }

    /// Writes all results of a video, which may be none.
    ///
    /// When this returns, the results are on the disk.
    ///
    /// # Errors
    ///
    /// A video that is not part of the run or is written already, a result of another video, a
    /// score that is not finite, or a disk that does not take the results; then the video counts
    /// as not written.
    pub fn write_video(
        &mut self,
        video_id: i64,
        results: &[TrackResult],
    ) -> Result<(), EvaluationError> {
        if !self.video_ids.contains(&video_id) {
            return Err(video_error(&self.path, video_id, "expected a video of this run"));
        }
        if self.is_finished(video_id) {
            return Err(video_error(&self.path, video_id, "expected each video once"));
        }
        let mut list = String::new();
        for (index, result) in results.iter().enumerate() {
            if result.video_id != video_id {
                let found = result.video_id;
                let message =
                    format!("result {index}: video_id: expected {video_id}, found {found}");
                return Err(video_error(&self.path, video_id, &message));
            }
            if !result.score.is_finite() {
                let found = result.score;
                let message = format!("result {index}: score: expected a number, found {found}");
                return Err(video_error(&self.path, video_id, &message));
            }
            if index > 0 {
                list.push_str(", ");
            }
            push_result(&mut list, result);
        }
        let span = self.journal.push(video_id, &list)?;
        self.finished.insert(video_id, span);
        Ok(())
    }

    /// Puts the final file in place, removes the journal and returns the path of the file.
    ///
    /// # Errors
    ///
    /// A video of the run that is not written yet, or a file that cannot be written; the journal
    /// stays.
    pub fn finish(self) -> Result<PathBuf, EvaluationError> {
        let spans: Vec<Span> =
            self.video_ids.iter().filter_map(|id| self.finished.get(id).copied()).collect();
        if let Some(&first) = self.video_ids.iter().find(|&&id| !self.is_finished(id)) {
            let (expected, found) = (self.video_ids.len(), spans.len());
            return Err(EvaluationError::MissingVideos { path: self.path, expected, found, first });
        }
        let written = replace_file(&self.path, |file| {
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

fn journal_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".partial");
    name.into()
}

fn video_error(path: &Path, video_id: i64, message: &str) -> EvaluationError {
    EvaluationError::Video { path: path.to_path_buf(), video_id, message: message.to_owned() }
}

#[cfg(test)]
mod tests;
