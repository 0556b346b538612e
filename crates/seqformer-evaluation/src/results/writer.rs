//! Writing results while a run goes on.

use std::path::{Path, PathBuf};

use seqformer_annotations::Ids;

use super::TrackResult;
use super::list_writer::{ListWriter, Part};
use super::python_json::{WrittenIds, push_result};
use crate::EvaluationError;

/// Writes a results file video by video, so that a killed run loses no finished video.
///
/// Until the end the results are kept in a journal beside the file, `results.json.partial`. A run
/// that is started again finds its finished videos there. The final file is in the order of the
/// dataset, whatever the order of writing, and is the same with and without interruptions.
#[derive(Debug)]
pub struct ResultsWriter {
    list: ListWriter,
    ids: WrittenIds,
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
        ListWriter::open(path, Part::Video, video_ids, run).map(Self::new)
    }

    /// Begins the results file `path`, whatever an earlier run has left.
    ///
    /// # Errors
    ///
    /// Those of [`ResultsWriter::open`], except that another run's journal is replaced.
    pub fn create(path: &Path, video_ids: &[i64], run: &str) -> Result<Self, EvaluationError> {
        ListWriter::create(path, Part::Video, video_ids, run).map(Self::new)
    }

    fn new(list: ListWriter) -> Self {
        Self { list, ids: WrittenIds::default() }
    }

    /// Writes the ids that the dataset has for the numbers of videos and categories.
    #[must_use]
    pub fn with_ids(mut self, video_ids: &Ids, category_ids: &Ids) -> Self {
        self.ids = WrittenIds { parts: video_ids.clone(), categories: category_ids.clone() };
        self
    }

    /// Tells whether the results of a video are written already.
    pub fn is_finished(&self, video_id: i64) -> bool {
        self.list.is_finished(video_id)
    }

    /// Returns how many videos are written already.
    pub fn num_finished(&self) -> usize {
        self.list.num_finished()
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

    /// Puts the final file in place, removes the journal and returns the path of the file.
    ///
    /// # Errors
    ///
    /// A video of the run that is not written yet, or a file that cannot be written; the journal
    /// stays.
    pub fn finish(self) -> Result<PathBuf, EvaluationError> {
        self.list.finish()
    }
}

#[cfg(test)]
mod tests;
