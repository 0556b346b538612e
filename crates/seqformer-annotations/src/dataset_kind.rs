//! Recognizes what an annotation file is about.

use std::path::Path;

use crate::json::JsonFile;
use crate::{AnnotationError, Fault};

/// The kinds of annotation files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DatasetKind {
    /// Videos, in the format of YouTube-VIS and OVIS.
    Ytvis,
    /// Single images, in the format of COCO instances.
    Coco,
}

impl DatasetKind {
    /// Recognizes the kind by the first of the keys `videos` and `images`.
    ///
    /// A file with neither counts as one of videos, whose reader reports what is missing.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or that is not a JSON object up to that key.
    pub fn of_file(path: &Path) -> Result<Self, AnnotationError> {
        let mut file = JsonFile::open(path)?;
        let mut found = None;
        let walk = file.for_each_key(|file, key| {
            found = match key {
                "videos" => Some(Self::Ytvis),
                "images" => Some(Self::Coco),
                _ => None,
            };
            if found.is_some() {
                // An error is the only way to stop before the end; this one is never shown.
                let nothing = Fault::new("", "", "", "");
                return Err(AnnotationError::wrong(path, "the walk ends here", nothing));
            }
            if key == "annotations" && !file.skip_null()? {
                // Element by element, because the list may not fit into memory.
                return file.parse_list(|_index, _text| Ok(())).map(drop);
            }
            if key == "annotations" { Ok(()) } else { file.read_value(&mut Vec::new()) }
        });
        match found {
            Some(found) => Ok(found),
            None => walk.map(|()| Self::Ytvis),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DatasetKind;

    fn kind_of(text: &str) -> Result<DatasetKind, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gt.json");
        std::fs::write(&path, text).unwrap();
        DatasetKind::of_file(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_of_both_keys_decides() {
        use DatasetKind::{Coco, Ytvis};
        for (text, expected) in [
            (r#"{"videos": []}"#, Ytvis),
            (r#"{"images": [], "videos": []}"#, Coco),
            // What comes behind is left to the reader.
            (r#"{"info": {"images": 3}, "annotations": [1, {"images": 2}], "videos": oops"#, Ytvis),
            (r#"{"annotations": null, "images": []}"#, Coco),
            (r#"{"annotations": [], "images": []}"#, Coco),
            (r#"{"categories": []}"#, Ytvis),
            ("{}", Ytvis),
        ] {
            assert_eq!(kind_of(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_file_that_is_no_object_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let message = DatasetKind::of_file(folder.path()).unwrap_err().to_string();
        assert!(message.contains("found a folder; name the file in it"), "{message}");
        for text in ["", "[1]", r#"{"info": "#, r#"{"annotations": 3, "images": []}"#] {
            let message = kind_of(text).unwrap_err();
            assert!(message.contains("gt.json: byte "), "{message}");
        }
    }
}
