//! Dataset names, the locations of their files, and their classes.
//!
//! Reference: VNext `data/datasets/builtin.py`, detectron2 `data/datasets/builtin.py`.

mod builtin;
mod layout;

use std::path::{Path, PathBuf};

use seqformer_annotations::DatasetKind;

use crate::{AnnotatedVideos, Categories, ClassTable, DataError, read_coco, read_ytvis};
use builtin::BUILTIN;

/// A dataset that has not been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetSource {
    /// Its name in configurations.
    pub name: String,
    /// The kind of its annotation file.
    pub kind: DatasetKind,
    /// The annotation file.
    pub json: PathBuf,
    /// The folder that the file names of the annotation file are relative to.
    pub image_root: PathBuf,
    /// The official classes of a built-in dataset.
    pub classes: Option<ClassTable>,
}

impl DatasetSource {
    /// Reads the annotation file.
    ///
    /// The classes are those of the file. Official classes are used for a file without any, and a
    /// file with other classes gets a note.
    ///
    /// Differs: the reference refuses such a file, without a reason that users with their own
    /// dataset under an official name could understand.
    ///
    /// # Errors
    ///
    /// Files that do not exist, and as [`read_ytvis`].
    pub fn read(&self) -> Result<AnnotatedVideos, DataError> {
        let missing = |what, path: &Path| {
            Err(DataError::MissingDataset { name: self.name.clone(), what, path: path.to_owned() })
        };
        if !self.json.is_file() {
            return missing("the annotation file", &self.json);
        }
        if !self.image_root.is_dir() {
            return missing("the image folder", &self.image_root);
        }
        let mut read = match self.kind {
            DatasetKind::Ytvis => read_ytvis(&self.json, &self.image_root)?,
            DatasetKind::Coco => read_coco(&self.json, &self.image_root)?,
        };
        for note in &mut read.notes {
            *note = format!("{}: {note}", self.json.display());
        }
        if let Some(table) = self.classes {
            self.compare_classes(&table.categories(), &mut read);
        }
        Ok(read)
    }

    fn compare_classes(&self, official: &Categories, read: &mut AnnotatedVideos) {
        if read.categories.is_empty() {
            read.categories = official.clone();
        } else if read.categories != *official {
            read.notes.push(format!(
                "the categories of {} are not the official ones of {}: those of the file are used",
                self.json.display(),
                self.name
            ));
        }
    }
}

/// All datasets by name: the built-in ones under a root folder, and those of the user.
#[derive(Debug, Clone)]
pub struct Catalog {
    root: PathBuf,
    declared: Vec<DatasetSource>,
}

impl Catalog {
    /// Creates a catalog whose built-in datasets are in `root`, the folder set by
    /// `DETECTRON2_DATASETS`.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), declared: Vec::new() }
    }

    /// Adds a dataset, replacing one of the same name.
    pub fn declare(&mut self, source: DatasetSource) {
        self.declared.retain(|other| other.name != source.name);
        self.declared.push(source);
    }

    /// Returns all names, those of the user first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let declared = self.declared.iter().map(|source| source.name.as_str());
        declared.chain(BUILTIN.iter().map(|builtin| builtin.name))
    }

    /// Returns the official classes of a built-in name.
    pub fn class_table(name: &str) -> Option<ClassTable> {
        BUILTIN.iter().find(|builtin| builtin.name == name).map(|builtin| builtin.classes)
    }

    /// Finds a dataset by its name.
    ///
    /// If a built-in dataset is not at its usual place, the folders of its archives and of other
    /// programs are searched, and a warning reports what was found.
    ///
    /// # Errors
    ///
    /// [`DataError::UnknownDataset`], which lists the known names.
    pub fn get(&self, name: &str) -> Result<DatasetSource, DataError> {
        if let Some(declared) = self.declared.iter().find(|source| source.name == name) {
            return Ok(declared.clone());
        }
        let builtin = BUILTIN.iter().find(|builtin| builtin.name == name).ok_or_else(|| {
            let known = self.names().collect::<Vec<_>>().join(", ");
            DataError::UnknownDataset { name: name.to_owned(), known }
        })?;
        let mut source = DatasetSource {
            name: name.to_owned(),
            kind: builtin.kind(),
            json: self.root.join(builtin.json),
            image_root: self.root.join(builtin.image_root),
            classes: Some(builtin.classes),
        };
        layout::locate(&self.root, &mut source);
        Ok(source)
    }
}

#[cfg(test)]
mod tests;
