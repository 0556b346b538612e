//! Synthetic datasets: videos of moving shapes, or of moving cut-outs of annotated pictures
//! ([`CutoutSet`]), with exact masks.
//!
//! Of shapes, the class of an object is its shape; colour, texture, size and motion are independent of it.
//! Objects turn, grow, occlude each other, enter and leave. Some pairs of one class cross, so that
//! they can be distinguished only by tracking. The same options give the same bytes on every
//! machine, because only exact arithmetic and libjpeg-turbo's exact encoder are used.

mod composed_video;
mod cutout_set;
mod layout;
mod scene;
mod shape;
mod texture;
mod writer;

use std::path::PathBuf;

use seqformer_masks::ImageSize;

pub use cutout_set::{CutoutOptions, CutoutSet};
pub use layout::SynthLayout;
pub use shape::Shape;

use crate::random::Purpose;
use crate::{DataError, DatasetSource};

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SynthOptions {
    /// The output folder, created if missing.
    pub output: PathBuf,
    /// Videos (or images) of the training split.
    pub num_train: usize,
    /// Videos (or images) of the validation split.
    pub num_val: usize,
    /// The random seed.
    pub seed: u64,
    /// Size of every frame.
    pub size: ImageSize,
    /// Minimum number of frames of a video.
    pub min_frames: usize,
    /// Maximum number of frames of a video.
    pub max_frames: usize,
    /// Number of shapes, starting with the first of [`Shape::ALL`].
    pub num_classes: usize,
    /// Folder structure, class names and kind of file.
    pub layout: SynthLayout,
}

/// Where the two splits were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SynthDataset {
    /// The training split.
    pub train: DatasetSource,
    /// The validation split.
    pub val: DatasetSource,
}

impl SynthOptions {
    fn check(&self) -> Result<(), DataError> {
        let shapes = Shape::ALL.len();
        let sides = [self.size.height, self.size.width];
        let wrong = |option: &'static str, expected: String, found: String| {
            Err(DataError::SynthOption { option, expected, found })
        };
        if !(1..=shapes).contains(&self.num_classes) {
            let expected = format!("1 to {shapes} classes");
            return wrong("classes", expected, self.num_classes.to_string());
        }
        if sides.iter().any(|side| !(32..=4096).contains(side)) {
            return wrong("size", "32 to 4096 pixels a side".to_owned(), self.size.to_string());
        }
        if self.min_frames == 0 || self.min_frames > self.max_frames || self.max_frames > 10_000 {
            let found = format!("{} to {}", self.min_frames, self.max_frames);
            return wrong("frames", "a range within 1 to 10000".to_owned(), found);
        }
        if self.num_train + self.num_val == 0 || self.num_train.max(self.num_val) > 99_999 {
            let found = format!("{} and {}", self.num_train, self.num_val);
            return wrong("videos", "1 to 99999 videos a split".to_owned(), found);
        }
        Ok(())
    }
}

/// Writes a training and a validation split.
///
/// # Errors
///
/// Options out of range, an annotation file or image folder that already exists, and files that
/// cannot be written.
pub fn synthesize(options: &SynthOptions) -> Result<SynthDataset, DataError> {
    options.check()?;
    let (train, val) = options.layout.sources(&options.output)?;
    for source in [&train, &val] {
        if let Some(path) = [&source.json, &source.image_root].into_iter().find(|p| p.exists()) {
            return Err(DataError::OutputExists { path: path.clone() });
        }
    }
    writer::write_split(options, &train, Purpose::SyntheticTraining, options.num_train)?;
    writer::write_split(options, &val, Purpose::SyntheticValidation, options.num_val)?;
    Ok(SynthDataset { train, val })
}

#[cfg(test)]
mod tests;
