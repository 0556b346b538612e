//! Annotated and found tracks of one video, compared frame by frame.

use seqformer_masks::Rle;

use crate::tracks::Track;

/// Every frame of a video with the IoU of what is there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sequence {
    pub(crate) num_truths: usize,
    pub(crate) num_results: usize,
    pub(crate) frames: Vec<Frame>,
}

/// What is annotated and found in one frame.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Frame {
    /// Numbers of the annotated tracks that are in the frame, ascending.
    pub(crate) truths: Vec<usize>,
    /// Numbers of the results that are in the frame, ascending.
    pub(crate) results: Vec<usize>,
    /// IoU of their masks, one row for each of `truths`.
    pub(crate) ious: Vec<f64>,
}

/// A mask with its area, which every pair needs again.
struct Measured<'a> {
    track: usize,
    mask: &'a Rle,
    area: u64,
}

impl Sequence {
    /// Compares tracks, which are numbered as they come.
    pub(crate) fn new(truths: &[&Track], results: &[&Track], num_frames: usize) -> Self {
        let frame = |frame: usize| {
            let (truths, results) = (measured(truths, frame), measured(results, frame));
            let pairs = truths.iter().flat_map(|truth| results.iter().map(move |r| (truth, r)));
            Frame {
                ious: pairs.map(|(truth, result)| iou(truth, result)).collect(),
                truths: truths.iter().map(|truth| truth.track).collect(),
                results: results.iter().map(|result| result.track).collect(),
            }
        };
        let frames = (0..num_frames).map(frame).collect();
        Self { num_truths: truths.len(), num_results: results.len(), frames }
    }

    /// Keeps some of the tracks, which get new numbers in the order given, an ascending one.
    pub(crate) fn restricted(&self, truths: &[usize], results: &[usize]) -> Self {
        let frames = self.frames.iter().map(|frame| frame.restricted(truths, results)).collect();
        Self { num_truths: truths.len(), num_results: results.len(), frames }
    }

    /// Returns how often an annotated object is in a frame.
    pub(crate) fn num_truth_masks(&self) -> usize {
        self.frames.iter().map(|frame| frame.truths.len()).sum()
    }

    /// Returns how often a result is in a frame.
    pub(crate) fn num_result_masks(&self) -> usize {
        self.frames.iter().map(|frame| frame.results.len()).sum()
    }
}

impl Frame {
    /// Returns the IoU of two by their place in the frame.
    pub(crate) fn iou(&self, row: usize, column: usize) -> f64 {
        self.ious[row * self.results.len() + column]
    }

    /// Takes the results at these places out.
    pub(crate) fn remove_results(&mut self, columns: &[usize]) {
        let kept: Vec<usize> =
            (0..self.results.len()).filter(|column| !columns.contains(column)).collect();
        let rows = 0..self.truths.len();
        let ious = rows.flat_map(|row| kept.iter().map(move |&column| (row, column)));
        self.ious = ious.map(|(row, column)| self.iou(row, column)).collect();
        self.results = kept.into_iter().map(|column| self.results[column]).collect();
    }

    fn restricted(&self, truths: &[usize], results: &[usize]) -> Self {
        let places = |tracks: &[usize], kept: &[usize]| -> Vec<(usize, usize)> {
            let place = |(place, track): (usize, &usize)| {
                kept.binary_search(track).ok().map(|number| (place, number))
            };
            tracks.iter().enumerate().filter_map(place).collect()
        };
        let (rows, columns) = (places(&self.truths, truths), places(&self.results, results));
        let pairs = rows.iter().flat_map(|row| columns.iter().map(move |column| (row.0, column.0)));
        Self {
            ious: pairs.map(|(row, column)| self.iou(row, column)).collect(),
            truths: rows.iter().map(|row| row.1).collect(),
            results: columns.iter().map(|column| column.1).collect(),
        }
    }
}

fn measured<'a>(tracks: &[&'a Track], frame: usize) -> Vec<Measured<'a>> {
    let measure = |(track, tracks): (usize, &&'a Track)| {
        let mask = tracks.masks[frame].as_ref()?;
        Some(Measured { track, mask, area: mask.area() })
    };
    tracks.iter().enumerate().filter_map(measure).collect()
}

/// Masks of different size have IoU 0.
fn iou(truth: &Measured<'_>, result: &Measured<'_>) -> f64 {
    match truth.mask.intersection_area(result.mask) {
        None | Some(0) => 0.0,
        Some(common) => common as f64 / (truth.area + result.area - common) as f64,
    }
}

#[cfg(test)]
pub(crate) mod tests;
