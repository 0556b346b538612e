//! Notes on images that several threads read repeatedly.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{RgbImage, read_image};
use crate::DataError;

/// The images of each note. Global, because the log is global to the process.
static SEEN: Mutex<BTreeMap<String, BTreeSet<PathBuf>>> = Mutex::new(BTreeMap::new());

/// Reads an image like [`read_image`] and logs notes about it.
///
/// Equal notes are logged for the first image, and then when their number of images reaches 10, 100 and so on. An image
/// that is read again is not counted again.
///
/// # Errors
///
/// As [`read_image`].
pub fn read_image_logged(path: &Path) -> Result<RgbImage, DataError> {
    let decoded = read_image(path)?;
    for note in decoded.notes {
        let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = remark(&mut seen, path, &note) {
            tracing::warn!("{text}");
        }
    }
    Ok(decoded.image)
}

/// The message for another image with this note, if any.
fn remark(
    seen: &mut BTreeMap<String, BTreeSet<PathBuf>>,
    path: &Path,
    note: &str,
) -> Option<String> {
    let images = seen.entry(note.to_owned()).or_default();
    if !images.insert(path.to_path_buf()) {
        return None;
    }
    match images.len() {
        1 => Some(format!("{}: {note}; further cases are counted", path.display())),
        count if count >= 10 && count == 10_usize.pow(count.ilog10()) => {
            Some(format!("{count} images so far, the last is {}: {note}", path.display()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_remarks_are_counted_by_image_and_not_repeated() {
        let mut seen = BTreeMap::new();
        let mut said = Vec::new();
        for _epoch in 0..3 {
            for index in 0..120 {
                said.extend(remark(&mut seen, Path::new(&format!("{index}.jpg")), "odd"));
            }
        }
        said.extend(remark(&mut seen, Path::new("0.jpg"), "other"));
        assert_eq!(
            said,
            [
                "0.jpg: odd; further cases are counted",
                "10 images so far, the last is 9.jpg: odd",
                "100 images so far, the last is 99.jpg: odd",
                "0.jpg: other; further cases are counted",
            ]
        );
    }
}
