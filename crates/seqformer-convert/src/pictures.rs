//! The image files beside annotations: which there are, and how large they are.

use std::io;
use std::path::{Path, PathBuf};

use seqformer_annotations::Fault;
use seqformer_masks::ImageSize;

use crate::ConvertError;
use crate::interface::ReadOptions;

/// Endings of images, in the order in which they are looked for.
const ENDINGS: [&str; 9] = ["jpg", "jpeg", "png", "webp", "bmp", "JPG", "JPEG", "PNG", "BMP"];

/// Finds the image in `folder` whose name without the ending is `stem`; its name.
pub(crate) fn find(folder: &Path, stem: &str) -> Option<String> {
    let names = ENDINGS.iter().map(|ending| format!("{stem}.{ending}"));
    { names }.find(|name| folder.join(name).is_file())
}

/// Names the images of frames: those in the first of `folders` that has any of them, behind what the names of its images
/// begin with. Images that are not there get an ending; without any, they are in a folder called as the video.
pub(crate) fn names_of_frames(
    stems: &[String],
    folders: &[(PathBuf, String)],
    (video, ending): (&str, &str),
) -> Vec<String> {
    let has_any = |folder: &Path| stems.iter().any(|stem| find(folder, stem).is_some());
    let found = folders.iter().find(|(folder, _)| folder.is_dir() && has_any(folder));
    let name = |stem: &String| match found {
        Some((folder, start)) => {
            let image = find(folder, stem).unwrap_or_else(|| format!("{stem}.{ending}"));
            format!("{start}{image}")
        }
        None => format!("{video}/{stem}.{ending}"),
    };
    stems.iter().map(name).collect()
}

/// Reads the size of an image from its header: height and width as they are stored.
///
/// # Errors
///
/// What is no image, or cannot be read.
pub(crate) fn size(path: &Path) -> Result<ImageSize, ConvertError> {
    let expected = || "an image with a size";
    let wrong = |found: String| {
        let fault = Fault::new("", expected(), found, "export the image again");
        ConvertError::wrong(path, "the whole file", fault)
    };
    let found = match imagesize::size(path) {
        Ok(found) => found,
        Err(imagesize::ImageError::IoError(source))
            if source.kind() != io::ErrorKind::UnexpectedEof =>
        {
            return Err(ConvertError::read(path, source));
        }
        Err(error) => return Err(wrong(error.to_string())),
    };
    let side = |pixels: usize| u32::try_from(pixels).ok().filter(|&pixels| pixels > 0);
    let size = side(found.height).zip(side(found.width));
    let size = size.map(|(height, width)| ImageSize { height, width });
    size.and_then(|size| size.checked().ok())
        .ok_or_else(|| wrong(format!("{}x{} (height x width)", found.height, found.width)))
}

impl ReadOptions {
    /// Finds the size of frames that the annotations do not tell: that of the image if there is one, otherwise the
    /// size that was given.
    ///
    /// # Errors
    ///
    /// Neither of them, or an image that cannot be read.
    pub(crate) fn size_of(
        &self,
        (path, place): (&Path, &str),
        candidates: &[PathBuf],
    ) -> Result<ImageSize, ConvertError> {
        if let Some(image) = candidates.iter().find(|path| path.is_file()) {
            return size(image);
        }
        self.size.ok_or_else(|| {
            let found = match candidates.first() {
                Some(image) => format!("none, and no image {}", image.display()),
                None => "none, and no image".to_owned(),
            };
            let mend =
                "name the folder of the images with --images, or the size with --size WIDTHxHEIGHT";
            ConvertError::wrong(path, place, Fault::new("", "the size of the image", found, mend))
        })
    }
}

/// Lists a folder in the order of names, numbers in names as numbers; files and folders that begin with a dot are left
/// out.
///
/// # Errors
///
/// A folder that cannot be read.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>, ConvertError> {
    let failed = |source| ConvertError::read(folder, source);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            found.push(entry.path());
        }
    }
    found.sort_by_cached_key(|path| {
        natural(&path.file_name().unwrap_or_default().to_string_lossy())
    });
    Ok(found)
}

/// Lists the files of a folder that have an ending, in the same order.
///
/// # Errors
///
/// A folder that cannot be read.
pub(crate) fn list_files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, ConvertError> {
    let mut found = list(folder)?;
    found.retain(|path| path.is_file() && has_ending(path, ending));
    Ok(found)
}

/// Lists the images of a folder in the order of their names, numbers in names as numbers.
///
/// # Errors
///
/// A folder that cannot be read.
pub fn list_images(folder: &Path) -> Result<Vec<PathBuf>, ConvertError> {
    let mut found = list(folder)?;
    found.retain(|path| path.is_file() && ENDINGS.iter().any(|ending| has_ending(path, ending)));
    Ok(found)
}

/// Returns whether a name has an ending, in whatever case.
pub(crate) fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

/// What a name is sorted by: its numbers as numbers, then the name itself.
pub(crate) fn natural(name: &str) -> (Vec<(String, u64)>, String) {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, behind) = rest.split_at(text_end);
        let number_end = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
        let (number, behind) = behind.split_at(number_end);
        parts.push((text.to_owned(), number.parse().unwrap_or(0)));
        rest = behind;
    }
    (parts, name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_sorted_as_numbers() {
        let mut names = ["10.png", "9.png", "a2.png", "a10.png", "1.png", "01.png"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["01.png", "1.png", "9.png", "10.png", "a2.png", "a10.png"]);
    }
}
