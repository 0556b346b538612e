//! The image files.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use seqformer_annotations::Fault;
use seqformer_data::{DataError, decode_image, is_turned_by_exif};
use seqformer_masks::ImageSize;

use super::problem::{Kind, Problem, problem};
use super::records::{Record, Records};
use crate::ConvertError;

/// A frame that was opened.
struct Opened {
    size: Option<ImageSize>,
    fault: Option<(Kind, Fault)>,
}

/// Opens all frames, and returns how many there are.
pub(super) fn check(
    images: &Path,
    records: &mut Records,
    problems: &mut Vec<Problem>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<usize, ConvertError> {
    // A folder that is not there is one fault, not one for every frame.
    std::fs::read_dir(images).map_err(|source| ConvertError::read(images, source))?;
    let total = records.list.iter().map(|record| record.names.len()).sum();
    let done = AtomicUsize::new(0);
    let open = |record: &Record| -> Vec<Opened> {
        let frame = |name: &String| {
            let opened = open(&images.join(name), record.size);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            opened
        };
        record.names.par_iter().map(frame).collect()
    };
    let opened: Vec<Vec<Opened>> = records.list.par_iter().map(open).collect();
    let has_videos = records.has_videos;
    for (record, frames) in records.list.iter_mut().zip(opened) {
        let sizes: Option<Vec<ImageSize>> = frames.iter().map(|frame| frame.size).collect();
        record.measured = sizes.and_then(|sizes| {
            let first = *sizes.first()?;
            sizes.iter().all(|&size| size == first).then_some(first)
        });
        if record.size.is_none() && record.measured.is_some() {
            let is_about_size = |found: &&mut Problem| {
                found.entry == record.place && found.what.starts_with("height, width")
            };
            problems.iter_mut().filter(is_about_size).for_each(|found| found.fixable = true);
        }
        for (frame, opened) in frames.into_iter().enumerate() {
            let Some((kind, fault)) = opened.fault else { continue };
            let path: PathBuf = images.join(&record.names[frame]);
            let mut found = problem(&path, &record.place, kind, fault);
            found.frame = has_videos.then_some(frame);
            problems.push(found);
        }
    }
    Ok(total)
}

fn mend_of_missing(path: &Path) -> &'static str {
    let with_slashes = PathBuf::from(path.to_string_lossy().replace('\\', "/"));
    if with_slashes != path && with_slashes.is_file() {
        return "write / instead of \\ in names of files";
    }
    "put the file there, or correct its name"
}

fn open(path: &Path, expected: Option<ImageSize>) -> Opened {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let fault = Fault::new("", "an image file", error.to_string(), mend_of_missing(path));
            return Opened { size: None, fault: Some((Kind::MissingFrame, fault)) };
        }
    };
    let decoded = match decode_image(&bytes, path) {
        Ok(decoded) => decoded,
        Err(error) => {
            let found = match error {
                DataError::BrokenImage { kind, reason, .. } => {
                    format!("a broken {kind} ({reason})")
                }
                DataError::UnknownImageKind { found, .. } => found,
                other => other.to_string(),
            };
            let fault = Fault::new(
                "",
                "an image that can be decoded",
                found,
                "copy or export the image again",
            );
            return Opened { size: None, fault: Some((Kind::BrokenFrame, fault)) };
        }
    };
    let size = decoded.image.size;
    let other = expected.filter(|&expected| expected != size);
    let is_turned = is_turned_by_exif(&bytes);
    let fault = if let Some(expected) = other {
        let (turned, mend) = if is_turned {
            let mend = "remove the mark, if masks are those of the pixels as they are stored, or turn the annotations";
            (", because EXIF data turns the image", mend)
        } else {
            let mend = "write the size of the image into the annotations, with masks to match, or resize the image";
            ("", mend)
        };
        let (expected, found) =
            (format!("the size in the annotations, {expected}"), format!("{size}{turned}"));
        Some((Kind::FrameSize, Fault::new("", expected, found, mend)))
    } else if is_turned {
        let mend = "turn the pixels themselves, and remove the mark";
        Some((
            Kind::TurnedFrame,
            Fault::new(
                "",
                "pixels that stand upright",
                "EXIF data that turns or mirrors the image",
                mend,
            ),
        ))
    } else if let Some(damage) = decoded.notes.iter().find(|note| note.starts_with("damaged")) {
        let fault =
            Fault::new("", "a whole image", damage.as_str(), "copy or export the image again");
        Some((Kind::BrokenFrame, fault))
    } else {
        None
    };
    Opened { size: Some(size), fault }
}
