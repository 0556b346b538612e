//! The folder of a training: annotations of both parts, perhaps frames, and the configuration.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use seqformer_config::{CfgNode, Config};
use seqformer_convert::{ConvertError, Dataset, Format, Notes, Writer, claim_folder};
use seqformer_files::{Outputs, TemporaryFile, TemporaryFolder};

use crate::config_text::{BASE, CONFIG, Contents, Places};
use crate::frames::{Found, check_size, find};
use crate::request::{hold_back, read};
use crate::{Counts, InitError, Request, Start, Training, films};

/// The names of files and folders in the output folder.
const TRAIN: &str = "train.json";
const VAL: &str = "val.json";
const FRAMES: &str = "frames";
const RUN: &str = "run";

/// A folder that is complete except for its configuration. It has a temporary name, and vanishes unless it is finished.
#[derive(Debug)]
pub struct Project {
    folder: TemporaryFolder,
    request: Request,
    format: Format,
    notes: Notes,
    is_images: bool,
    has_own_frames: bool,
    train: Counts,
    val: Counts,
}

impl Project {
    /// Reads the annotations, finds their frames, holds videos back, and writes the annotations of both parts. Frames of video
    /// files are written as images; `progress` is told how many there are more.
    ///
    /// # Errors
    ///
    /// An output folder that is in use, annotations or frames that cannot be used, fewer than two videos with objects, and the
    /// system's errors.
    pub fn prepare(request: &Request, progress: &mut dyn FnMut(usize)) -> Result<Self, InitError> {
        let mut request = request.clone();
        for path in [&mut request.frames, &mut request.output] {
            *path = absolute(path)?;
        }
        if !request.frames.exists() {
            return Err(InitError::NoFrames { path: request.frames });
        }
        let mut outputs = Outputs::new(false);
        outputs.add_input(&request.data);
        outputs.add_input(&request.frames);
        claim_folder(&mut outputs, &request.output)?;
        let mut notes = Notes::default();
        let (format, mut dataset) = read(&request, &mut notes)?;
        let is_val = hold_back(&request, &dataset)?;
        let found = find(&request.frames, &dataset.videos)?;
        let folder = new_folder(&request.output)?;
        let has_own_frames = found.iter().any(|found| matches!(found, Found::Film(_)));
        place_frames(&request, &mut dataset, found, (&folder, has_own_frames), progress)?;
        let is_images = dataset.has_images_only();
        let mut parts = [Dataset::default(), Dataset::default()];
        for part in &mut parts {
            part.categories.clone_from(&dataset.categories);
        }
        for (video, is_val) in dataset.videos.into_iter().zip(is_val) {
            parts[usize::from(is_val)].videos.push(video);
        }
        for (part, name) in parts.iter().zip([TRAIN, VAL]) {
            let format = if is_images { Format::Coco } else { Format::Ytvis };
            write(part, format, &folder.path().join(name), &mut notes)?;
        }
        let [train, val] = parts.map(|part| Counts::of(&part));
        Ok(Self { folder, request, format, notes, is_images, has_own_frames, train, val })
    }

    /// What is trained on.
    pub fn train(&self) -> &Counts {
        &self.train
    }

    /// What is held back for validation.
    pub fn val(&self) -> &Counts {
        &self.val
    }

    /// Whether there are single images only, which become pseudo-clips.
    pub fn is_images(&self) -> bool {
        self.is_images
    }

    /// The format of the annotations.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The new folder, which is not there yet.
    pub fn output(&self) -> &Path {
        &self.request.output
    }

    /// What was left out or changed.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Writes the configuration under the temporary name of the folder, and returns its file: with it, iterations can be timed.
    ///
    /// # Errors
    ///
    /// A path that a configuration cannot hold, or the system's errors.
    pub fn write_trial(&self, start: &Start, training: &Training) -> Result<PathBuf, InitError> {
        self.write_config(start, training, self.folder.path(), &[])
    }

    /// Writes the configuration, `about` at its head, gives the folder its name, and returns the configuration file.
    ///
    /// # Errors
    ///
    /// As [`Self::write_trial`].
    pub fn finish(
        self,
        start: &Start,
        training: &Training,
        about: &[String],
    ) -> Result<PathBuf, InitError> {
        let output = &self.request.output;
        self.write_config(start, training, output, about)?;
        // An empty folder of this name gives way.
        std::fs::rename(self.folder.path(), output)
            .map_err(|source| InitError::Write { path: output.clone(), source })?;
        self.folder.keep();
        Ok(output.join(CONFIG))
    }

    /// Writes both files for a folder called `name`.
    fn write_config(
        &self,
        start: &Start,
        training: &Training,
        name: &Path,
        about: &[String],
    ) -> Result<PathBuf, InitError> {
        let own_frames = name.join(FRAMES);
        let contents = Contents {
            start,
            training,
            places: &Places {
                train: &name.join(TRAIN),
                val: &name.join(VAL),
                image_root: if self.has_own_frames { &own_frames } else { &self.request.frames },
                output_dir: &name.join(RUN),
            },
            weights: self.request.weights.as_ref().map_or("", |weights| &weights.name),
            is_images: self.is_images,
            num_classes: self.train.classes.len(),
            seed: self.request.seed,
            about,
        };
        let config_file = self.folder.path().join(CONFIG);
        for (file, text) in [
            (self.folder.path().join(BASE), contents.base()?),
            (config_file.clone(), contents.config()),
        ] {
            std::fs::write(&file, text)
                .map_err(|source| InitError::Write { path: file.clone(), source })?;
        }
        check_paths(&config_file, contents.places)?;
        Ok(config_file)
    }
}

/// Gives every video the names of its frames, which are written first if they are in a video file, and compares sizes.
fn place_frames(
    request: &Request,
    dataset: &mut Dataset,
    found: Vec<Found>,
    (folder, has_own_frames): (&TemporaryFolder, bool),
    progress: &mut dyn FnMut(usize),
) -> Result<(), InitError> {
    let own = folder.path().join(FRAMES);
    let mut taken = BTreeSet::new();
    for (video, found) in dataset.videos.iter_mut().zip(found) {
        let (root, mut names) = match found {
            Found::Images(names) => (&request.frames, names),
            Found::Film(film) => {
                (&own, films::extract(&film, video, &own, &mut taken, &request.ffmpeg, progress)?)
            }
        };
        if let Some(first) = names.first() {
            check_size(&root.join(first), video)?;
        }
        if has_own_frames && root != &own {
            // Beside frames that are in the new folder, others keep their place.
            for name in &mut names {
                *name = request.frames.join(&name).display().to_string();
            }
        }
        video.file_names = Some(names);
    }
    Ok(())
}

/// Writes one part.
fn write(
    dataset: &Dataset,
    format: Format,
    path: &Path,
    notes: &mut Notes,
) -> Result<(), InitError> {
    let Some(Writer::File(writer)) = format.writer() else { return Ok(()) };
    let failed = |source| InitError::Write { path: path.to_path_buf(), source };
    let mut file = TemporaryFile::beside(path, "").map_err(failed)?;
    writer.write(dataset, file.file_mut(), notes)?;
    file.persist(path).map_err(failed)
}

/// Makes the folder under a temporary name, in a folder that is made as well if need be.
fn new_folder(output: &Path) -> Result<TemporaryFolder, InitError> {
    let failed = |source| InitError::Write { path: output.to_path_buf(), source };
    if let Some(parent) = output.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    TemporaryFolder::beside(output).map_err(failed)
}

/// Reads the configuration as a training does, and compares its paths with those that were meant.
fn check_paths(config_file: &Path, places: &Places<'_>) -> Result<(), InitError> {
    let mut node = CfgNode::defaults();
    node.merge_from_file(config_file)?;
    let config = Config::try_from(&node)?;
    let mut read = vec![(config.output_dir.clone(), places.output_dir)];
    for (dataset, json) in config.datasets.custom.iter().zip([places.train, places.val]) {
        read.push((dataset.json.clone(), json));
        read.push((dataset.image_root.clone().unwrap_or_default(), places.image_root));
    }
    match read.into_iter().find(|(read, meant)| read != meant) {
        None => Ok(()),
        Some((_, meant)) => Err(InitError::Path { path: meant.display().to_string() }),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, InitError> {
    std::path::absolute(path)
        .map_err(|source| ConvertError::Read { path: path.to_path_buf(), source }.into())
}

#[cfg(test)]
mod tests;
