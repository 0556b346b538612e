//! Writing results during a run.

use std::path::{Path, PathBuf};

use seqformer_annotations::Ids;

use super::TrackResult;
use super::list_writer::{ListWriter, Part};
use super::python_json::{WrittenIds, push_result};
use crate::EvaluationError;

/// Writes a results file video by video, so that a killed run loses no finished video.
///
/// Until the end, the results are kept in a journal beside the file, `results.json.partial`. When
/// the run is started again, it finds its finished videos there. The final file is in the order of
/// the dataset, whatever the order of writing, and is the same with and without interruptions.
#[derive(Debug)]
pub struct ResultsWriter {
    list: ListWriter,
    ids: WrittenIds,
}

impl ResultsWriter {
    /// Creates the results file `path`, or continues the journal of an earlier run.
    ///
    /// `video_ids` are all videos of the run in the order of the dataset. `run` is a line that
    /// describes what the results depend on, such as the checkpoint and the settings.
    ///
    /// # Errors
    ///
    /// If the journal cannot be opened, another process is writing it, another run has started it,
    /// or a video is listed twice.
    pub fn open(path: &Path, video_ids: &[i64], run: &str) -> Result<Self, EvaluationError> {
        ListWriter::open(path, Part::Video, video_ids, run).map(Self::new)
    }

    /// Creates the results file `path` and discards the journal of any earlier run.
    ///
    /// # Errors
    ///
    /// As for [`ResultsWriter::open`], except that another run's journal is replaced.
    pub fn create(path: &Path, video_ids: &[i64], run: &str) -> Result<Self, EvaluationError> {
        ListWriter::create(path, Part::Video, video_ids, run).map(Self::new)
    }

    fn new(list: ListWriter) -> Self {
        Self { list, ids: WrittenIds::default() }
    }

    /// Writes the dataset's ids for the indices of videos and categories.
    #[must_use]
    pub fn with_ids(mut self, video_ids: &Ids, category_ids: &Ids) -> Self {
        self.ids = WrittenIds { parts: video_ids.clone(), categories: category_ids.clone() };
        self
    }

    /// Returns whether the results of a video are already written.
    pub fn is_finished(&self, video_id: i64) -> bool {
        self.list.is_finished(video_id)
    }

    /// Returns how many videos are already written.
    pub fn num_finished(&self) -> usize {
        self.list.num_finished()
    }

    /// Writes all results of a video, which may be none.
    ///
    /// When this returns, the results are on the disk.
    ///
    /// # Errors
    ///
    /// If the video is not part of the run or is already written, a result belongs to another
    /// video, a score is not finite, or writing to the disk fails; the video then counts as not
    /// written.
    pub fn write_video(
        &mut self,
        video_id: i64,
        results: &[TrackResult],
    ) -> Result<(), EvaluationError> {
        self.list.write(video_id, results, |list, result| {
            if result.video_id != video_id {
                let found = result.video_id;
                return Err(format!("video_id: expected {video_id}, found {found}"));
            }
            if !result.score.is_finite() {
                return Err(format!("score: expected a number, found {}", result.score));
            }
            push_result(list, result, &self.ids);
            Ok(())
        })
    }

    /// Moves the final file into place, removes the journal and returns the path of the file.
    ///
    /// # Errors
    ///
    /// If a video of the run is not written yet, or a file cannot be written; the journal stays.
    pub fn finish(self) -> Result<PathBuf, EvaluationError> {
        self.list.finish()
    }
}

#[cfg(test)]
mod tests;
