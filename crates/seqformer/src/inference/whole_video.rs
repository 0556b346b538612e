//! Inference that decodes all frames of a video at once.
//!
//! Box queries attend to their own frame only, and instance queries aggregate frames by a weighted mean. So a few
//! frames at a time go through the whole network, and what remains of a frame is its mask features, its boxes and its
//! contribution to the mean.

use seqformer_cuda::transfer::upload;
use seqformer_masks::ImageSize;
use tch::Tensor;

use super::encoded_frames::EncodedFrames;
use super::frame_encoder::{FrameEncoder, Launch};
use super::model::InferenceModel;
use crate::stage_clock::{Stage, timed};
use crate::transformer::BoxOutput;
use crate::{Heads, ModelError, RunningAggregation};

/// A video whose frames are being processed.
#[derive(Debug)]
pub struct WholeVideo<'a> {
    model: &'a InferenceModel,
    encoder: FrameEncoder<'a>,
    aggregation: RunningAggregation,
    parts: Vec<Part>,
}

/// What is kept of the frames of a batch.
#[derive(Debug)]
struct Part {
    /// `[T', C / 32, H / 8, W / 8]`
    mask_features: Tensor,
    /// `[1, T', Q, 4]`, or 2 with a single decoder layer
    references: Tensor,
    /// `[1, T', Q, 4]`
    pred_boxes: Tensor,
}

/// A decoded video: classes and boxes of all queries, and masks on demand.
#[derive(Debug)]
pub struct DecodedVideo<'a> {
    model: &'a InferenceModel,
    parts: Vec<Part>,
    heads: Heads,
}

impl<'a> WholeVideo<'a> {
    /// Starts a video whose frames all have `frame_size`.
    pub fn new(model: &'a InferenceModel, frame_size: ImageSize) -> Self {
        let encoder = FrameEncoder::new(model, frame_size);
        Self { model, encoder, aggregation: RunningAggregation::default(), parts: Vec::new() }
    }

    /// Sets how work is launched on a GPU.
    pub fn set_launch(&mut self, launch: Launch) {
        self.encoder.set_launch(launch);
    }

    /// Processes the next frames together, `[T', 3, H, W]` in 0..255, or fewer at a time if the device lacks the
    /// memory.
    ///
    /// # Errors
    ///
    /// If the frames do not have the size of this video, or a single frame does not fit into the device's memory. The
    /// video cannot be continued then.
    pub fn push(&mut self, frames: &Tensor) -> Result<(), ModelError> {
        let encoded = self.encoder.encode(frames)?;
        let Self { encoder, aggregation, parts, .. } = self;
        encoder.caught("a video", || {
            for EncodedFrames { mask_features, features } in encoded {
                tch::no_grad(|| aggregation.add(&features));
                let BoxOutput { references, pred_boxes, .. } = features.into_boxes();
                parts.push(Part { mask_features, references, pred_boxes });
            }
            Ok(())
        })
    }

    /// Size of the frames, without padding.
    pub fn frame_size(&self) -> ImageSize {
        self.encoder.frame_size()
    }

    /// Frames so far.
    pub fn num_frames(&self) -> i64 {
        self.parts.iter().map(Part::num_frames).sum()
    }

    /// Decodes the video.
    ///
    /// # Errors
    ///
    /// If no frame was pushed.
    pub fn decode(self) -> Result<DecodedVideo<'a>, ModelError> {
        if self.parts.is_empty() {
            let (expected, found) = ("at least one".to_owned(), "none".to_owned());
            return Err(ModelError::Frames { expected, found });
        }
        let Self { model, encoder, aggregation, parts } = self;
        let heads = || {
            let instances = model.decode_running(&aggregation);
            let references: Vec<&Tensor> = parts.iter().map(|part| &part.references).collect();
            let references = Tensor::cat(&references, 1);
            let sizes = [encoder.frame_size()];
            model.heads_of(&instances, &references, model.last_layer(), &sizes)
        };
        let heads = || Ok(tch::no_grad(|| timed(Stage::Decoder, heads)));
        let heads = encoder.caught("the decoder", heads)?;
        Ok(DecodedVideo { model, parts, heads })
    }
}

impl Part {
    fn num_frames(&self) -> i64 {
        self.mask_features.size()[0]
    }
}

impl DecodedVideo<'_> {
    /// Class logits of all queries, `[Q, K]`.
    pub fn pred_logits(&self) -> Tensor {
        self.heads.pred_logits.get(0)
    }

    /// Boxes (cx, cy, w, h) of all queries in 0..1 of the unpadded frame, `[T, Q, 4]`.
    pub fn pred_boxes(&self) -> Tensor {
        let boxes: Vec<&Tensor> = self.parts.iter().map(|part| &part.pred_boxes).collect();
        Tensor::cat(&boxes, 1).get(0)
    }

    /// Number of parts in which masks are available, in the order of the frames.
    pub fn num_parts(&self) -> usize {
        self.parts.len()
    }

    /// Mask logits of queries in the frames of one part: `[I, T', H / 4, W / 4]`, padded.
    pub fn mask_logits(&self, queries: &[i64], part: usize) -> Tensor {
        tch::no_grad(|| {
            let features = &self.parts[part].mask_features;
            let first: i64 = self.parts[..part].iter().map(Part::num_frames).sum();
            let queries = upload(&Tensor::from_slice(queries), features.device());
            let params = self.heads.dynamic_params.get(0).index_select(0, &queries);
            let points = self.heads.reference_points_px.get(0);
            let points = points.narrow(0, first, features.size()[0]).index_select(1, &queries);
            self.model.masks(features, &params, &points)
        })
    }
}
