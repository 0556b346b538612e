//! From one format to another, in one step.

use std::path::{Path, PathBuf};

use seqformer_annotations::{Fault, other_size};
use seqformer_files::{Outputs, TemporaryFile, TemporaryFolder};
use seqformer_masks::{BoxXywh, Polygon};

use crate::dataset::{Dataset, Shape, Shapes, Video};
use crate::format::Format;
use crate::guess::guess;
use crate::input::Input;
use crate::interface::{ReadOptions, Writer};
use crate::{ConvertError, Notes};

/// What is to be converted, and how.
#[derive(Debug, Clone)]
pub struct Conversion {
    /// The file or folder to read.
    pub input: PathBuf,
    /// Its format; `None` to guess it.
    pub from: Option<Format>,
    /// The format to write.
    pub to: Format,
    /// The file or folder to write.
    pub output: PathBuf,
    /// Whether a file of this name may be replaced. A folder with files in it never is.
    pub overwrite: bool,
    /// What the format does not say.
    pub options: ReadOptions,
    /// Whether objects that only have a box get all of its pixels as their mask.
    pub boxes_as_masks: bool,
}

/// What was converted.
#[derive(Debug, Clone)]
pub struct Converted {
    /// The format that was read.
    pub from: Format,
    /// Whether that was guessed.
    pub was_guessed: bool,
    /// How many videos there are.
    pub num_videos: usize,
    /// How many frames they have.
    pub num_frames: usize,
    /// How many objects.
    pub num_tracks: usize,
    /// What was left out or changed.
    pub notes: Notes,
}

impl Conversion {
    /// A conversion of `input`, whose format is guessed, with defaults for everything else.
    pub fn new(input: &Path, to: Format, output: &Path) -> Self {
        Self {
            input: input.to_path_buf(),
            from: None,
            to,
            output: output.to_path_buf(),
            overwrite: false,
            options: ReadOptions::default(),
            boxes_as_masks: false,
        }
    }
}

/// A dataset that was read.
#[derive(Debug, Clone)]
pub struct ReadDataset {
    /// The videos with their objects.
    pub dataset: Dataset,
    /// Its format.
    pub from: Format,
    /// Whether that was guessed.
    pub was_guessed: bool,
    /// What was left out or changed.
    pub notes: Notes,
}

/// Reads a dataset in whatever format: a file, a folder, or a zip archive of either.
///
/// # Errors
///
/// Input that cannot be read or is wrong.
pub fn read(
    input: &Path,
    from: Option<Format>,
    options: &ReadOptions,
) -> Result<ReadDataset, ConvertError> {
    let input = Input::open(input, from)?;
    let mut read = read_open(&input, from, options).map_err(|error| input.error(error))?;
    input.notes(&mut read.notes);
    Ok(read)
}

fn read_open(
    input: &Input,
    from: Option<Format>,
    options: &ReadOptions,
) -> Result<ReadDataset, ConvertError> {
    let path = input.path();
    let was_guessed = from.is_none();
    let from = from.map_or_else(|| guess(path), Ok)?;
    let mut notes = Notes::default();
    if !was_guessed && from.is_one_file() && path.is_dir() {
        let mend = "name the file in it";
        let expected = format!("a file in the format {from}");
        let fault = Fault::new("", expected, "a folder", mend);
        return Err(with_other_format(ConvertError::wrong(path, "--from", fault), path, from));
    }
    let dataset = from.reader().read(path, options, &mut notes);
    let dataset = dataset
        .map_err(|error| if was_guessed { error } else { with_other_format(error, path, from) })?;
    check_sizes(path, &dataset)?;
    Ok(ReadDataset { dataset, from, was_guessed, notes })
}

/// Adds the format that the files seem to have to an error of a format that the user named.
fn with_other_format(error: ConvertError, path: &Path, from: Format) -> ConvertError {
    let is_davis = |format| matches!(format, Format::Davis | Format::Davis2016);
    match guess(path) {
        Ok(found) if found != from && !(is_davis(found) && is_davis(from)) => {
            ConvertError::OtherFormat { error: Box::new(error), found: found.name() }
        }
        _ => error,
    }
}

/// Reads a dataset, and writes it in another format.
///
/// The output appears as a whole when it is complete.
///
/// # Errors
///
/// An output name that is taken, input that cannot be read or is wrong, or the system's errors.
pub fn convert(conversion: &Conversion) -> Result<Converted, ConvertError> {
    let Conversion { input, to, output, .. } = conversion;
    let writer = to
        .writer()
        .ok_or_else(|| ConvertError::ReadOnly { name: to.name(), known: Format::names(true) })?;
    let mut outputs = Outputs::new(conversion.overwrite);
    outputs.add_input(input);
    if let Some(images) = &conversion.options.images {
        outputs.add_input(images);
    }
    match writer {
        Writer::File(_) => outputs.claim_file(output)?,
        Writer::Folder(_) => claim_folder(&mut outputs, output)?,
    }
    let ReadDataset { mut dataset, from, was_guessed, mut notes } =
        read(input, conversion.from, &conversion.options)?;
    if conversion.boxes_as_masks {
        fill_boxes(&mut dataset, &mut notes);
    }
    if !matches!(to, Format::Ytvis | Format::Coco | Format::Cocovid) {
        let is_partly = |video: &&Video| {
            video
                .exhaustive
                .as_ref()
                .is_some_and(|classes| classes.len() < dataset.categories.len())
        };
        for video in dataset.videos.iter().filter(is_partly) {
            let what = "videos or images have classes that are not completely annotated, which the format cannot say";
            notes.count(what, || video.place());
        }
    }
    write(&dataset, writer, output, &mut notes)?;
    Ok(Converted {
        from,
        was_guessed,
        num_videos: dataset.videos.len(),
        num_frames: dataset.videos.iter().map(|video| video.length).sum(),
        num_tracks: dataset.num_tracks(),
        notes,
    })
}

/// Claims the name of a folder that is written as a whole, which has to be new or empty: what is in a folder is never
/// replaced.
///
/// # Errors
///
/// A folder with files in it, or a name that [`Outputs`] refuses.
pub fn claim_folder(outputs: &mut Outputs, output: &Path) -> Result<(), ConvertError> {
    let in_use = || ConvertError::FolderInUse { path: output.to_path_buf() };
    match std::fs::read_dir(output).map(|mut entries| entries.next().is_none()) {
        Ok(false) => Err(in_use()),
        Ok(true) => Ok(outputs.claim_own(output)?),
        Err(_) if output.symlink_metadata().is_ok() => Err(in_use()),
        Err(_) => Ok(outputs.claim(output)?),
    }
}

fn write(
    dataset: &Dataset,
    writer: Writer,
    output: &Path,
    notes: &mut Notes,
) -> Result<(), ConvertError> {
    let failed = |source| ConvertError::write(output, source);
    match writer {
        Writer::File(writer) => {
            let mut file = TemporaryFile::beside(output, "").map_err(failed)?;
            let written = writer.write(dataset, file.file_mut(), notes);
            written.map_err(|error| error.of_output(output, output))?;
            file.persist(output).map_err(failed)
        }
        Writer::Folder(writer) => {
            let folder = TemporaryFolder::beside(output).map_err(failed)?;
            let written = writer.write(dataset, folder.path(), notes);
            written.map_err(|error| error.of_output(output, folder.path()))?;
            // An empty folder of this name is replaced.
            std::fs::rename(folder.path(), output).map_err(failed)?;
            folder.keep();
            Ok(())
        }
    }
}

/// More frames than any video has; a larger number is a mistake that would fill the memory.
pub const MAX_FRAMES: usize = 1 << 20;

/// Makes sure that no video is absurdly long, and that every mask has the size of its video.
///
/// # Errors
///
/// The first video or mask of which that is not so.
pub fn check_sizes(input: &Path, dataset: &Dataset) -> Result<(), ConvertError> {
    for video in &dataset.videos {
        if video.length > MAX_FRAMES {
            let (expected, found) =
                (format!("at most {MAX_FRAMES} frames"), video.length.to_string());
            let fault = Fault::new("length", expected, found, "write the number of frames");
            return Err(ConvertError::wrong(input, video.place(), fault));
        }
        for track in &video.tracks {
            if let Some((frame, found)) = track.shapes.other_size(video.size) {
                let fault: Fault = other_size(video.size, found).within("mask");
                return Err(ConvertError::wrong(input, video.frame_place(track, frame), fault));
            }
        }
    }
    Ok(())
}

/// Gives objects that have a box alone the pixels of the box.
pub fn fill_boxes(dataset: &mut Dataset, notes: &mut Notes) {
    for video in &mut dataset.videos {
        let place = video.place();
        for track in &mut video.tracks {
            let Shapes::Mixed(shapes) = &mut track.shapes else { continue };
            for shape in shapes.iter_mut().flatten() {
                let Shape::Box(BoxXywh { x, y, width, height }) = *shape else { continue };
                let (x1, y1) = (x + width, y + height);
                if let Ok(polygon) = Polygon::from_xy(&[x, y, x1, y, x1, y1, x, y1]) {
                    *shape = Shape::Polygons(Box::new([polygon]));
                    notes.count("boxes are filled, as their masks", || {
                        format!("object {} of {place}", track.id)
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrong_format_is_told_with_the_right_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("train.json");
        let video = r#"{"id": 1, "height": 4, "width": 4, "length": 1}"#;
        std::fs::write(&file, format!(r#"{{"videos": [{video}], "annotations": []}}"#)).unwrap();
        let error = |input: &Path, from| {
            read(input, Some(from), &ReadOptions::default()).unwrap_err().to_string()
        };
        for from in [Format::Cvat, Format::Davis, Format::Coco, Format::Labelme, Format::MotsTxt] {
            let said = error(&file, from);
            assert!(said.ends_with("leave out --from, or give --from ytvis"), "{from}: {said}");
        }
        let said = error(folder.path(), Format::Ytvis);
        assert!(said.contains("expected a file in the format ytvis, found a folder"), "{said}");
        // A file that is broken in its own format is not taken for another one.
        std::fs::write(&file, r#"{"videos": [{}]}"#).unwrap();
        assert!(!error(&file, Format::Ytvis).contains("--from"));
    }
}
