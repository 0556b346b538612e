//! A dataset as a YouTube-VIS file.

use std::path::{Path, PathBuf};

use seqformer_convert::{
    Conversion, Format, Input, Notes, ReadOptions, convert, guess, temporary_folder,
};
use seqformer_files::TemporaryFolder;

use crate::error::CurationError;

/// A dataset that is read as a YouTube-VIS file: the file itself, or the one that it was converted to.
#[derive(Debug)]
pub struct Source {
    input: Input,
    converted: Option<TemporaryFolder>,
    /// The format of the dataset.
    pub from: Format,
    /// Whether that was guessed.
    pub was_guessed: bool,
    /// What was left out or changed when it was converted.
    pub notes: Notes,
}

/// The name of the file that a dataset is converted to.
const CONVERTED: &str = "annotations.json";

impl Source {
    /// Opens a dataset in whatever format: a file, a folder, or a zip archive of either.
    ///
    /// # Errors
    ///
    /// Input that cannot be read, is in no known format, or cannot be converted.
    pub fn open(
        path: &Path,
        from: Option<Format>,
        options: &ReadOptions,
    ) -> Result<Self, CurationError> {
        let input = Input::open(path, from)?;
        let was_guessed = from.is_none();
        let from =
            from.map_or_else(|| guess(input.path()), Ok).map_err(|error| input.error(error))?;
        let mut source =
            Self { input, converted: None, from, was_guessed, notes: Notes::default() };
        if from != Format::Ytvis {
            let folder = temporary_folder()?;
            let output = folder.path().join(CONVERTED);
            let conversion = Conversion {
                from: Some(from),
                options: options.clone(),
                ..Conversion::new(source.input.path(), Format::Ytvis, &output)
            };
            let done = convert(&conversion).map_err(|error| source.input.error(error))?;
            source.notes = done.notes;
            source.input.notes(&mut source.notes);
            source.converted = Some(folder);
        }
        Ok(source)
    }

    /// Returns where the YouTube-VIS file is.
    pub(crate) fn path(&self) -> PathBuf {
        match &self.converted {
            Some(folder) => folder.path().join(CONVERTED),
            None => self.input.path().to_path_buf(),
        }
    }

    /// Returns the path that the user gave.
    pub fn named(&self) -> &Path {
        self.input.named()
    }

    /// Names the dataset in an error as the user did.
    pub(crate) fn error(&self, error: CurationError) -> CurationError {
        match error {
            CurationError::Convert(error) => CurationError::Convert(self.input.error(error)),
            other => other,
        }
    }
}
