//! Single images, as in a detector: more results than for a video, and boxes from the box head.

use seqformer::inference::{Detection, SelectionRule, WholeVideo};
use seqformer_data::RgbImage;
use seqformer_masks::{BoxXywh, ImageSize};

use super::batch_policy::BatchPolicy;
use super::drive::{FrameStream, MaskSink, MaskedFrame};
use super::geometry::{Enlargement, FrameGeometry};
use super::mask_reader::FrameMasks;
use super::read_ahead::Input;
use super::whole::{Whole, WholeEnd};
use super::{Predictor, Progress};
use crate::{EngineError, TrackMasks};

/// As many as the COCO benchmark evaluates.
const MAX_QUERIES: i64 = 100;

/// The result for one image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImagePrediction {
    /// Size of the image.
    pub size: ImageSize,
    /// One track of one frame per selected query, best first.
    pub masks: TrackMasks,
    /// The boxes of the same queries, in pixels of the image and clipped to it.
    pub boxes: Vec<BoxXywh>,
    /// The results: a query as an instance of a class.
    pub detections: Vec<Detection>,
}

/// Keeps the masks of the only frame.
struct Kept(Option<FrameMasks>);

impl MaskSink for Kept {
    fn reached(&mut self, _progress: Progress) {}

    fn take(&mut self, frame: MaskedFrame) -> Result<(), EngineError> {
        self.0 = Some(frame.masks);
        Ok(())
    }
}

impl Predictor {
    /// Finds the instances of an image: the best 100 queries with all classes above the threshold, or the best 100 pairs
    /// of query and class, as the original repository's `engine.py` does.
    ///
    /// # Errors
    ///
    /// If the network fails.
    pub fn predict_image(&self, image: &RgbImage) -> Result<ImagePrediction, EngineError> {
        self.check_stop()?;
        let input = Input { image: self.resize(image), size: image.size };
        // The original repository enlarges the masks of images as VNext does.
        let geometry = FrameGeometry {
            input: input.image.size,
            output: image.size,
            enlargement: Enlargement::ByInput,
        };
        let results = self.options.results;
        let rule = SelectionRule { max_queries: MAX_QUERIES, ..self.options.rule };
        let whole = Whole { video: WholeVideo::new(&self.model, geometry.input), results, rule };
        let (inputs, mut kept) = (FrameStream::open([Ok(input)])?, Kept(None));
        let WholeEnd { decoded, selection } =
            self.drive(inputs, whole, BatchPolicy::image(), &mut kept)?;
        let found = kept.0.ok_or(EngineError::NoFrames)?;
        let mut masks = TrackMasks::new(image.size);
        masks.reserve_tracks(selection.queries.len());
        masks.push_frame(found.encode(geometry).iter().enumerate());
        let all = decoded.pred_boxes().get(0).to_device(tch::Device::Cpu); // [Q, 4]
        let box_of = |&query: &i64| {
            let side = |index: i64| all.double_value(&[query, index]);
            in_image([side(0), side(1), side(2), side(3)], image.size)
        };
        let boxes = selection.queries.iter().map(box_of).collect();
        Ok(ImagePrediction { size: image.size, masks, boxes, detections: selection.detections })
    }
}

/// Converts centre and size relative to the image to a box in pixels.
fn in_image([cx, cy, w, h]: [f64; 4], size: ImageSize) -> BoxXywh {
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let range = |centre: f64, length: f64, limit: f64| {
        let start = ((centre - length / 2.0) * limit).clamp(0.0, limit);
        let end = ((centre + length / 2.0) * limit).clamp(0.0, limit);
        (start, end - start)
    };
    let ((x, width), (y, height)) = (range(cx, w, width), range(cy, h, height));
    BoxXywh { x, y, width, height }
}

#[cfg(test)]
mod tests {
    //! Boxes in pixels, and the reference's model on an image.

    use super::*;

    #[test]
    fn boxes_are_shares_of_the_image_and_end_at_its_edges() {
        let size = ImageSize { height: 100, width: 200 };
        let whole = BoxXywh { x: 50.0, y: 25.0, width: 100.0, height: 50.0 };
        assert_eq!(in_image([0.5, 0.5, 0.5, 0.5], size), whole);
        let cut = BoxXywh { x: 0.0, y: 75.0, width: 50.0, height: 25.0 };
        assert_eq!(in_image([0.125, 1.0, 0.25, 0.5], size), cut);
    }
}
