//! Files that are written while others are read.

use std::io;
use std::path::{Path, PathBuf};

use seqformer_annotations::AnnotationError;
use seqformer_annotations::json::JsonFile;
use seqformer_convert::{ConvertError, JsonOut};
use seqformer_files::TemporaryFile;

use crate::error::CurationError;

/// A JSON file that is being written. The first error of writing waits for the end, because a walk over another file
/// has errors of reading.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    path: PathBuf,
    out: Option<JsonOut<'a>>,
    failed: Option<io::Error>,
}

impl<'a> Output<'a> {
    /// Begins a file that will have the name `path`.
    pub(crate) fn new(file: &'a mut TemporaryFile, path: &Path) -> Self {
        let (out, failed) = match JsonOut::new(file.file_mut()) {
            Ok(out) => (Some(out), None),
            Err(error) => (None, Some(error)),
        };
        Self { path: path.to_path_buf(), out, failed }
    }

    /// Writes to the file unless that has failed before.
    pub(crate) fn put(&mut self, write: impl FnOnce(&mut JsonOut<'a>) -> io::Result<()>) {
        if let (None, Some(out)) = (&self.failed, &mut self.out) {
            self.failed = write(out).err();
        }
    }

    /// Ends the file.
    pub(crate) fn finish(self) -> Result<(), ConvertError> {
        let finished = match (self.failed, self.out) {
            (Some(error), _) => Err(error),
            (None, Some(out)) => out.finish(),
            (None, None) => Ok(()),
        };
        finished.map_err(|source| ConvertError::write(&self.path, source))
    }
}

/// Creates the file that will have the name `path`.
pub(crate) fn temporary(path: &Path) -> Result<TemporaryFile, ConvertError> {
    TemporaryFile::beside(path, "").map_err(|source| ConvertError::write(path, source))
}

/// Gives a complete file its name.
pub(crate) fn persist(file: TemporaryFile, path: &Path) -> Result<(), ConvertError> {
    file.persist(path).map_err(|source| ConvertError::write(path, source))
}

/// A list of a YouTube-VIS file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Videos,
    Categories,
    Annotations,
}

/// Where an element of a list goes.
#[derive(Debug)]
pub(crate) enum Placed {
    /// Into no file.
    Nowhere,
    /// Into one of the files, with this text.
    In(usize, Vec<u8>),
    /// Into all files, with this text.
    InAll(Vec<u8>),
}

/// Copies a YouTube-VIS file into several, element by element. `place` decides where each element goes, given its index. All
/// files get what stands beside the three lists, and they appear when all of them are complete.
pub(crate) fn distribute(
    from: &Path,
    paths: &[&Path],
    place: impl Fn(List, usize, &[u8]) -> Result<Placed, AnnotationError> + Sync,
) -> Result<(), CurationError> {
    let mut files =
        paths.iter().map(|path| temporary(path)).collect::<Result<Vec<_>, ConvertError>>()?;
    let mut outputs: Vec<Output<'_>> =
        files.iter_mut().zip(paths).map(|(file, path)| Output::new(file, path)).collect();
    JsonFile::open(from)?.for_each_key(|file, key| {
        let list = match key {
            "videos" => List::Videos,
            "categories" => List::Categories,
            "annotations" => List::Annotations,
            _ => {
                let mut text = Vec::new();
                file.read_value(&mut text)?;
                for output in &mut outputs {
                    output.put(|out| out.raw_value(key, &text));
                }
                return Ok(());
            }
        };
        for output in &mut outputs {
            output.put(|out| out.begin_list(key));
        }
        if !file.skip_null()? {
            file.for_each_element(
                |index, text| place(list, index, text),
                |placed| match placed {
                    Placed::Nowhere => {}
                    Placed::In(number, text) => {
                        outputs[number].put(|out| out.raw_element(&text));
                    }
                    Placed::InAll(text) => {
                        for output in &mut outputs {
                            output.put(|out| out.raw_element(&text));
                        }
                    }
                },
            )?;
        }
        for output in &mut outputs {
            output.put(JsonOut::end_list);
        }
        Ok(())
    })?;
    outputs.into_iter().try_for_each(Output::finish)?;
    for (file, path) in files.into_iter().zip(paths) {
        persist(file, path)?;
    }
    Ok(())
}
