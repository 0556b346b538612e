//! What the user asks for, and the annotations that are named there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use seqformer_convert::{
    Dataset, Format, Notes, ReadOptions, Shape, Video, check_sizes, fill_boxes, guess,
};
use seqformer_data::stratify;
use seqformer_video::FfmpegLocation;

use crate::counts::classes_of;
use crate::{InitError, Weights};

/// What the user asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The annotations: a file or a folder.
    pub data: PathBuf,
    /// Their format; nothing to guess it.
    pub from: Option<Format>,
    /// What the format does not say.
    pub options: ReadOptions,
    /// Whether objects that have a box alone get all pixels of the box as their mask.
    pub boxes_as_masks: bool,
    /// The folder of the frames or video files, or the only video file.
    pub frames: PathBuf,
    /// The new folder.
    pub output: PathBuf,
    /// Weights to start from.
    pub weights: Option<Weights>,
    /// Share of the videos that is held back for validation, between 0 and 1.
    pub val_share: f64,
    /// Decides which videos these are; also the seed of the training.
    pub seed: u64,
    /// Decodes video files.
    pub ffmpeg: FfmpegLocation,
}

impl Request {
    /// A request with defaults for everything else.
    pub fn new(data: &Path, frames: &Path, output: &Path) -> Self {
        Self {
            data: data.to_path_buf(),
            from: None,
            options: ReadOptions::default(),
            boxes_as_masks: false,
            frames: frames.to_path_buf(),
            output: output.to_path_buf(),
            weights: None,
            val_share: 0.2,
            seed: 0,
            ffmpeg: FfmpegLocation::find(None),
        }
    }
}

/// Reads the annotations.
pub(crate) fn read(request: &Request, notes: &mut Notes) -> Result<(Format, Dataset), InitError> {
    let format = match request.from {
        Some(format) => format,
        None => guess(&request.data)?,
    };
    let mut options = request.options.clone();
    if request.frames.is_dir() {
        options.images.get_or_insert_with(|| request.frames.clone());
    }
    let mut dataset = format.reader().read(&request.data, &options, notes)?;
    check_sizes(&request.data, &dataset)?;
    if request.boxes_as_masks {
        fill_boxes(&mut dataset, notes);
    }
    Ok((format, dataset))
}

/// Decides which videos are held back.
pub(crate) fn hold_back(request: &Request, dataset: &Dataset) -> Result<Vec<bool>, InitError> {
    let classes: Vec<BTreeSet<i64>> = dataset.videos.iter().map(classes_of).collect();
    let found = classes.iter().filter(|classes| !classes.is_empty()).count();
    if found < 2 {
        let is_box = |video: &Video| {
            let mut shapes = video.tracks.iter().flat_map(|track| track.shapes.frames()).flatten();
            shapes.any(|shape| matches!(*shape, Shape::Box(_)))
        };
        let has_boxes = dataset.videos.iter().any(is_box);
        return Err(InitError::TooFew {
            path: request.data.clone(),
            found,
            total: dataset.videos.len(),
            boxes: if has_boxes { "; --boxes-as-masks fills boxes without a mask" } else { "" },
        });
    }
    let num_val = num_val(classes.len(), request.val_share);
    let part_of = stratify(&classes, &[classes.len() - num_val, num_val], request.seed);
    Ok(part_of.into_iter().map(|part| part == 1).collect())
}

/// How many videos `share` of all are: at least one, and not all.
fn num_val(videos: usize, share: f64) -> usize {
    ((videos as f64 * share).round() as usize).clamp(1, videos.saturating_sub(1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_part_is_empty() {
        for (videos, share, expected) in
            [(2, 0.2, 1), (2, 0.9, 1), (10, 0.2, 2), (3, 0.01, 1), (3, 0.99, 2), (30, 0.2, 6)]
        {
            assert_eq!(num_val(videos, share), expected, "{videos} {share}");
        }
    }
}
