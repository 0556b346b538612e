//! Which benchmark an annotation file is of.

use std::path::Path;

use crate::EvaluationError;
use crate::json::JsonFile;

/// The layouts of annotation files that can be scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatasetFormat {
    /// Videos, as YouTube-VIS and OVIS have them.
    YoutubeVis,
    /// Single images, as COCO has them.
    Coco,
}

impl DatasetFormat {
    /// Recognises the layout by the first of the keys `videos` and `images`.
    ///
    /// A file with neither counts as one of videos, whose reader says what is missing.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or that is not a JSON object up to there.
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
                // An error is the only way to stop before the end; nobody sees this one.
                return Err(EvaluationError::entry(path, key, "the walk ends here"));
            }
            if key == "annotations" && !file.skip_null()? {
                // One by one: they may not fit into memory as a whole.
                return file.parse_list(|_index, _text| Ok(())).map(drop);
            }
            if key == "annotations" { Ok(()) } else { file.read_value(&mut Vec::new()) }
        });
        match found {
            Some(found) => Ok(found),
            None => walk.map(|()| Self::YoutubeVis),
        }
    }
}

#[cfg(test)]
mod tests;
