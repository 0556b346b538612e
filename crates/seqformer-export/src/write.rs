//! Writing results as one of the kinds.

use std::path::{Path, PathBuf};

use seqformer_convert::{Dataset, Notes, Writer};
use seqformer_files::{TemporaryFile, TemporaryFolder, replace_folder};

use crate::found::{Export, FoundVideo, Tools, file_name};
use crate::kind::is_film_name;
use crate::{ExportError, Kind, cutout, mask_film, overlap, table};

impl Export {
    /// Writes all results to `output`, which is a file or folder as the kind says; for films of masks a name that ends in
    /// `.mp4` or `.gif` is the film of a single video. An earlier file or folder of this name is replaced when the new
    /// one is complete.
    ///
    /// Returns the file or folder: without ffmpeg, a film is a GIF.
    ///
    /// # Errors
    ///
    /// Results that the kind cannot hold at all, frames that are missing or not those of the results, what the system
    /// refuses, and [`ExportError::Interrupted`].
    pub fn write(
        &self,
        kind: Kind,
        output: &Path,
        tools: &Tools<'_>,
        notes: &mut Notes,
    ) -> Result<PathBuf, ExportError> {
        tools.check_stop()?;
        if !kind.holds_scores() {
            notes.say(format!("{kind} has no scores: they are left out"));
        }
        if !kind.holds_overlap() {
            let mut without = self.clone();
            for found in &mut without.videos {
                overlap::resolve(&mut found.video, notes);
            }
            return without.write_as_is(kind, output, tools, notes);
        }
        self.write_as_is(kind, output, tools, notes)
    }

    fn write_as_is(
        &self,
        kind: Kind,
        output: &Path,
        tools: &Tools<'_>,
        notes: &mut Notes,
    ) -> Result<PathBuf, ExportError> {
        match kind.format().and_then(seqformer_convert::Format::writer) {
            Some(Writer::File(writer)) => {
                let dataset = self.dataset();
                into_file(output, |file| {
                    let written = writer.write(&dataset, file.file_mut(), notes);
                    Ok(written.map_err(|error| error.of_output(output, output))?)
                })
            }
            Some(Writer::Folder(writer)) => {
                let dataset = self.dataset();
                into_folder(output, |folder| {
                    let written = writer.write(&dataset, folder, notes);
                    Ok(written.map_err(|error| error.of_output(output, folder))?)
                })
            }
            None => match kind {
                Kind::Cutout => self.folder_of_videos(output, |found, folder| {
                    cutout::pictures(self, found, folder, tools)
                }),
                Kind::CutoutVideo => self.folder_of_videos(output, |found, folder| {
                    cutout::films(self, found, folder, tools)
                }),
                Kind::MaskVideo => self.mask_films(output, tools),
                _ => into_file(output, |file| {
                    let failed = |source| ExportError::write(output, source);
                    table::write(self, file.file_mut()).map_err(failed)
                }),
            },
        }
    }

    fn dataset(&self) -> Dataset {
        let videos = self.videos.iter().map(|found| found.video.clone()).collect();
        Dataset { categories: self.categories.clone(), videos }
    }

    /// Fills a folder for each video, or `output` itself for a single one.
    fn folder_of_videos(
        &self,
        output: &Path,
        fill: impl Fn(&FoundVideo, &Path) -> Result<(), ExportError>,
    ) -> Result<PathBuf, ExportError> {
        into_folder(output, |folder| {
            if let [only] = self.videos.as_slice() {
                return fill(only, folder);
            }
            self.videos.iter().try_for_each(|found| {
                let folder = folder.join(file_name(&found.video.name));
                std::fs::create_dir_all(&folder)
                    .map_err(|source| ExportError::write(&folder, source))?;
                fill(found, &folder)
            })
        })
    }

    fn mask_films(&self, output: &Path, tools: &Tools<'_>) -> Result<PathBuf, ExportError> {
        if is_film_name(output) {
            let [only] = self.videos.as_slice() else {
                let (path, found) = (output.to_path_buf(), self.videos.len());
                return Err(ExportError::SeveralFilms { path, found });
            };
            return mask_film::write(only, output, tools);
        }
        into_folder(output, |folder| {
            self.videos.iter().try_for_each(|found| {
                let name = format!("{}.mp4", file_name(&found.video.name));
                mask_film::write(found, &folder.join(name), tools).map(drop)
            })
        })
    }
}

fn into_file(
    output: &Path,
    fill: impl FnOnce(&mut TemporaryFile) -> Result<(), ExportError>,
) -> Result<PathBuf, ExportError> {
    let failed = |source| ExportError::write(output, source);
    let mut file = TemporaryFile::beside(output, "").map_err(failed)?;
    fill(&mut file)?;
    file.persist(output).map_err(failed)?;
    Ok(output.to_path_buf())
}

fn into_folder(
    output: &Path,
    fill: impl FnOnce(&Path) -> Result<(), ExportError>,
) -> Result<PathBuf, ExportError> {
    let failed = |source| ExportError::write(output, source);
    let folder = TemporaryFolder::beside(output).map_err(failed)?;
    fill(folder.path())?;
    replace_folder(folder, output).map_err(failed)?;
    Ok(output.to_path_buf())
}

#[cfg(test)]
mod tests;
