//! Folders of label images, one folder a video.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use seqformer_annotations::Fault;
use seqformer_masks::{ImageSize, Rle};

use crate::dataset::{Track, Video};
use crate::frames::{for_each_frame, mask_of};
use crate::interface::ReadOptions;
use crate::label_image::{Depth, LabelImage};
use crate::names::{self, Unique};
use crate::{ConvertError, Notes, pictures};

/// Folders that hold the annotations of a dataset, beside those of its images.
const ANNOTATIONS: [&str; 5] = ["Annotations", "annotations", "instances", "instance", "bitmasks"];
/// Folders that hold the images.
const IMAGES: [&str; 6] = ["JPEGImages", "images", "image_02", "image_2", "img1", "frames"];
/// Folders for one resolution of a dataset.
const RESOLUTIONS: [&str; 3] = ["480p", "1080p", "Full-Resolution"];

/// Returns whether a folder is one of images by its name.
pub(crate) fn is_images(folder: &Path) -> bool {
    IMAGES.iter().any(|images| folder.ends_with(images))
}

/// The label images of one video.
#[derive(Debug)]
pub(crate) struct Sequence {
    /// The name of the video.
    pub(crate) name: String,
    /// The label images in order.
    pub(crate) files: Vec<PathBuf>,
    /// The image of each as the dataset will name it.
    pub(crate) file_names: Vec<String>,
}

/// The masks of a video by frame and by number.
#[derive(Debug)]
pub(crate) struct Labels {
    /// The size of all frames.
    pub(crate) size: ImageSize,
    /// The pixels of each number except 0.
    pub(crate) frames: Vec<BTreeMap<u32, Rle>>,
}

/// Finds all folders with PNG files below `input`; a single file is a video of one frame.
///
/// # Errors
///
/// A folder that cannot be read, or none with such files.
pub(crate) fn find(input: &Path, options: &ReadOptions) -> Result<Vec<Sequence>, ConvertError> {
    let mut folders = Vec::new();
    if input.is_file() {
        folders.push((Vec::new(), vec![input.to_path_buf()]));
    } else {
        let inner = ANNOTATIONS.iter().find(|name| input.join(name).is_dir());
        let start: Vec<String> = inner.iter().map(|name| (**name).to_owned()).collect();
        walk(input, start, &mut folders)?;
    }
    if folders.is_empty() {
        let fault = Fault::new(
            "",
            "folders with PNG files",
            "none",
            "give the folder that holds the annotations",
        );
        return Err(ConvertError::wrong(input, "the whole folder", fault));
    }
    let whole = input.canonicalize().unwrap_or_else(|_gone| input.to_path_buf());
    let own_name = whole.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut unique = Unique::default();
    let is_only = folders.len() == 1;
    let sequence = |(parts, files): (Vec<String>, Vec<PathBuf>)| {
        let is_name = |part: &&String| {
            !ANNOTATIONS.contains(&part.as_str()) && !RESOLUTIONS.contains(&part.as_str())
        };
        let named: Vec<&str> = parts.iter().filter(is_name).map(String::as_str).collect();
        let name = if named.is_empty() { own_name.clone() } else { named.join("/") };
        let name = unique.take(name);
        let images = image_folders(input, &parts, (&name, is_only), options);
        let stem =
            |file: &PathBuf| file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let stems: Vec<String> = files.iter().map(stem).collect();
        let file_names = pictures::names_of_frames(&stems, &images, (&name, "jpg"));
        Sequence { name, files, file_names }
    };
    Ok(folders.into_iter().map(sequence).collect())
}

fn walk(
    root: &Path,
    parts: Vec<String>,
    found: &mut Vec<(Vec<String>, Vec<PathBuf>)>,
) -> Result<(), ConvertError> {
    let folder = parts.iter().fold(root.to_path_buf(), |path, part| path.join(part));
    let files = pictures::list_files(&folder, "png")?;
    if !files.is_empty() {
        found.push((parts.clone(), files));
    }
    for path in pictures::list(&folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !IMAGES.contains(&name.as_str()) {
            walk(root, [parts.as_slice(), &[name]].concat(), found)?;
        }
    }
    Ok(())
}

/// The folders in which the images of a video may be, and what the names of those in them begin with.
///
/// In the folder that the user names, that is the way from there; its own images can only be those of the only video.
fn image_folders(
    input: &Path,
    parts: &[String],
    (name, is_only): (&str, bool),
    options: &ReadOptions,
) -> Vec<(PathBuf, String)> {
    if let Some(images) = &options.images {
        let last = name.rsplit('/').next().unwrap_or(name);
        let mut folders: Vec<_> =
            [name, last].map(|name| (images.join(name), format!("{name}/"))).into();
        folders.extend(is_only.then(|| (images.clone(), String::new())));
        return folders;
    }
    // The same path with the folder of images in place of that of annotations, which may be the input itself.
    let instead = |images: &str| {
        let inner = parts.iter().position(|part| ANNOTATIONS.contains(&part.as_str()));
        let (start, rest) = match inner {
            Some(index) => (
                parts[..index].iter().fold(input.to_path_buf(), |path, part| path.join(part)),
                &parts[index + 1..],
            ),
            None => (input.parent().unwrap_or(Path::new("")).to_path_buf(), parts),
        };
        rest.iter().fold(start.join(images), |path, part| path.join(part))
    };
    let folders = IMAGES.iter().map(|images| instead(images)).filter(|folder| folder.is_dir());
    folders.map(|folder| (folder, format!("{name}/"))).collect()
}

impl Sequence {
    /// Reads all label images, which have to have one size.
    ///
    /// # Errors
    ///
    /// A picture that cannot be read, or of another size than the one before.
    pub(crate) fn read(&self, depth: Depth) -> Result<Labels, ConvertError> {
        let read = |path: &PathBuf| {
            let image = LabelImage::read(path, depth)?;
            let masks = image.masks();
            let masks = masks.map_err(|error| {
                ConvertError::wrong(path, "the whole file", Fault::of_mask(&error))
            })?;
            Ok((image.size, masks))
        };
        let frames: Vec<_> =
            self.files.par_iter().map(read).collect::<Result<_, ConvertError>>()?;
        let size = frames.first().map_or(ImageSize { height: 1, width: 1 }, |(size, _)| *size);
        let other = frames.iter().zip(&self.files).find(|((found, _), _)| *found != size);
        if let Some(((found, _), path)) = other {
            let expected = format!("the size of the first frame, {size}");
            let mend =
                "all frames of a video have one size: export them again, or make two folders";
            let fault = Fault::new("", expected, found.to_string(), mend);
            return Err(ConvertError::wrong(path, "the whole file", fault));
        }
        Ok(Labels { size, frames: frames.into_iter().map(|(_, masks)| masks).collect() })
    }
}

/// Writes the label images of a video into `folder`, which is made; `value` numbers the objects.
///
/// Regions to be ignored are painted first, then the objects from the largest to the smallest, so that none is hidden
/// as a whole by a larger one.
///
/// # Errors
///
/// Names that lead out of the folder, and files that cannot be written.
pub(crate) fn write(
    video: &Video,
    folder: &Path,
    (depth, is_grey): (Depth, bool),
    value: impl Fn(&Track) -> Option<u32>,
    notes: &mut Notes,
) -> Result<(), ConvertError> {
    let inside = names::inside(&video.name)
        .map_err(|fault| ConvertError::Name { place: video.place(), fault })?;
    let folder = folder.join(inside);
    std::fs::create_dir_all(&folder).map_err(|source| ConvertError::write(&folder, source))?;
    let stems = names::stems(video, notes);
    for_each_frame(video, |frame, seen| {
        let mut image = LabelImage::new(video.size);
        let mut masks = Vec::new();
        for (track, shape) in seen {
            let Some(value) = value(track) else { continue };
            if let Some(mask) = mask_of(shape, (video, track, frame), notes) {
                masks.push((track.is_ignored, mask.area(), mask, value, *track));
            }
        }
        masks.sort_by_key(|(is_ignored, area, ..)| (!is_ignored, std::cmp::Reverse(*area)));
        for (_, _, mask, value, track) in masks {
            if image.paint(&mask, value) {
                let what = "masks overlap, where a pixel has one object: the smaller one is on top";
                notes.count(what, || video.frame_place(track, frame));
            }
        }
        image.write(&folder.join(format!("{}.png", stems[frame])), depth, is_grey)
    })
}
