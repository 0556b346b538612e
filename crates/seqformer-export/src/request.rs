//! Which results are read, and with what.

use std::path::{Path, PathBuf};

use crate::predict_folder::read_videos;
use crate::{ExportError, Selection};

/// Results, and where to find out about their videos.
#[derive(Debug, Clone)]
pub struct Request {
    /// A results file in the format of YouTube-VIS, or a folder of `seqformer predict`.
    pub results: PathBuf,
    /// Annotations of YouTube-VIS that list the videos and classes.
    pub annotations: Option<PathBuf>,
    /// The folder of the images that the annotations name.
    pub images: Option<PathBuf>,
    /// The videos in the order of their numbers, from 1 on.
    pub videos: Vec<PathBuf>,
    /// Which tracks are taken.
    pub selection: Selection,
}

impl Request {
    /// All results of a file or folder, about whose videos nothing else is known.
    pub fn new(results: &Path) -> Self {
        Self {
            results: results.to_path_buf(),
            annotations: None,
            images: None,
            videos: Vec::new(),
            selection: Selection::default(),
        }
    }

    /// The results file.
    pub fn file(&self) -> PathBuf {
        if self.results.is_dir() { self.results.join("results.json") } else { self.results.clone() }
    }

    /// All files and folders that may be read, and so never are replaced.
    ///
    /// # Errors
    ///
    /// A `videos.json` beside the results that is not that of `predict`.
    pub fn inputs(&self) -> Result<Vec<PathBuf>, ExportError> {
        let folder = self.folder();
        let beside = ["videos.json", "tracks.jsonl"].map(|name| folder.join(name));
        let recorded = read_videos(&folder)?.into_values().map(|video| video.input);
        let given = [&self.annotations, &self.images].into_iter().flatten().chain(&self.videos);
        let own = std::iter::once(self.file()).chain(beside).chain(recorded);
        Ok(own.chain(given.cloned()).collect())
    }

    /// The folder of the results file.
    pub(crate) fn folder(&self) -> PathBuf {
        self.file().parent().map(Path::to_path_buf).unwrap_or_default()
    }
}
