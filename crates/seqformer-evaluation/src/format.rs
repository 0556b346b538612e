//! Recognizes the benchmark of an annotation file.

use std::path::Path;

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{AnnotationError, Fault};

use crate::{CocoGroundTruth, EvaluationError, GroundTruth, IouKind};

/// The layouts of annotation files that can be scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatasetFormat {
    /// Videos, as in YouTube-VIS and OVIS.
    YoutubeVis,
    /// Single images, as in COCO.
    Coco,
}

impl DatasetFormat {
    /// Recognizes the layout by the first of the keys `videos` and `images`.
    ///
    /// A file with neither counts as one of videos, whose reader reports what is missing.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or that is not a JSON object up to that key.
    pub fn of_file(path: &Path) -> Result<Self, EvaluationError> {
        let mut file = JsonFile::open(path)?;
        let mut found = None;
        let walk = file.for_each_key(|file, key| {
            found = match key {
                "videos" => Some(Self::YoutubeVis),
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
            None => Ok(walk.map(|()| Self::YoutubeVis)?),
        }
    }
}

/// Reads the annotations of a dataset like scoring, so that nothing is left that scoring could
/// reject; discards the result.
///
/// A run that scores at its end calls this at its beginning.
///
/// # Errors
///
/// As [`GroundTruth::read`] and [`CocoGroundTruth::read`], and images whose masks or boxes cannot
/// be compared.
pub fn check_ground_truth(path: &Path, format: DatasetFormat) -> Result<(), EvaluationError> {
    match format {
        DatasetFormat::YoutubeVis => GroundTruth::read(path).map(drop),
        DatasetFormat::Coco => {
            let truth = CocoGroundTruth::read(path)?;
            for kind in [IouKind::Mask, IouKind::Box] {
                if truth.has(kind) {
                    truth.check(kind)?;
                }
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DatasetFormat;

    fn format_of(text: &str) -> Result<DatasetFormat, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gt.json");
        std::fs::write(&path, text).unwrap();
        DatasetFormat::of_file(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_of_both_keys_decides() {
        use DatasetFormat::{Coco, YoutubeVis};
        for (text, expected) in [
            (r#"{"videos": []}"#, YoutubeVis),
            (r#"{"images": [], "videos": []}"#, Coco),
            // What comes behind is left to the reader.
            (
                r#"{"info": {"images": 3}, "annotations": [1, {"images": 2}], "videos": oops"#,
                YoutubeVis,
            ),
            (r#"{"annotations": null, "images": []}"#, Coco),
            (r#"{"annotations": [], "images": []}"#, Coco),
            (r#"{"categories": []}"#, YoutubeVis),
            ("{}", YoutubeVis),
        ] {
            assert_eq!(format_of(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_file_that_is_no_object_is_named() {
        for text in ["", "[1]", r#"{"info": "#, r#"{"annotations": 3, "images": []}"#] {
            let message = format_of(text).unwrap_err();
            assert!(message.contains("gt.json: byte "), "{message}");
        }
    }
}
