//! Runs the network on the clips of a video, once per frame where clips share the work.
//!
//! The reference runs the whole network for every clip. But all of it handles frames one by one, except the
//! instance queries, and padding is the same on all frames of a video, so that what belongs to a frame is
//! computed once, with the same result. Reference: VNext `seqformer/seqformer.py`, `SeqFormer.forward`.

use std::collections::VecDeque;
use std::ops::Range;

use seqformer_masks::ImageSize;
use seqformer_ops::transfer::upload;
use tch::Tensor;

use super::clip_schedule::ClipSchedule;
use super::encoded_frames::EncodedFrames;
use super::frame_encoder::{FrameEncoder, Launch};
use super::model::InferenceModel;
use super::postprocess::{TopQueries, top_queries};
use crate::frame_size::check_frames;
use crate::stage_clock::{Stage, timed};
use crate::{FrameReading, ModelError};

/// Frames that are encoded together, if as many wait and nothing else is said.
pub const FRAMES_PER_PART: usize = 8;

/// How a video is cut into clips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClipRule {
    /// Frames of a clip.
    pub length: usize,
    /// Frames from the start of a clip to that of the next.
    pub stride: usize,
    /// Queries of a clip that are kept, by their best class.
    pub max_queries: i64,
}

/// The instances that were found in a clip.
#[derive(Debug)]
pub struct ClipPrediction {
    /// The clip, `T` frames of the video.
    pub frames: Range<usize>,
    /// Class probabilities, `[I, K]`.
    pub class_probs: Tensor,
    /// Mask logits, `[I, T, h, w]`.
    pub mask_logits: Tensor,
}

/// A video whose frames arrive in order and leave as predictions of clips.
#[derive(Debug)]
pub struct ClipPredictor<'a> {
    model: &'a InferenceModel,
    encoder: FrameEncoder<'a>,
    max_queries: i64,
    frames_per_part: usize,
    schedule: ClipSchedule,
    /// Frames from `first_encoded` on.
    encoded: VecDeque<EncodedFrame>,
    first_encoded: usize,
    /// Frames behind the encoded ones, `[1, 3, H, W]` each.
    waiting: VecDeque<Tensor>,
}

/// What all clips that hold a frame share.
#[derive(Debug)]
struct EncodedFrame {
    reading: FrameReading,
    /// `[1, C / 32, H / 8, W / 8]`
    mask_features: Tensor,
}

impl<'a> ClipPredictor<'a> {
    /// Begins a video whose frames all have `frame_size`.
    ///
    /// # Errors
    ///
    /// If the clips have no length or no stride, or none of their queries is kept.
    pub fn new(
        model: &'a InferenceModel,
        frame_size: ImageSize,
        rule: ClipRule,
    ) -> Result<Self, ModelError> {
        if rule.max_queries < 1 {
            let what = "at least one query of every clip must be kept".to_owned();
            return Err(ModelError::Config { what });
        }
        Ok(Self {
            model,
            encoder: FrameEncoder::new(model, frame_size),
            max_queries: rule.max_queries,
            frames_per_part: FRAMES_PER_PART,
            schedule: ClipSchedule::new(rule.length, rule.stride)?,
            encoded: VecDeque::new(),
            first_encoded: 0,
            waiting: VecDeque::new(),
        })
    }

    /// Sets how many frames are encoded together at most: fewer take less memory.
    pub fn set_frames_per_part(&mut self, frames: usize) {
        self.frames_per_part = frames.max(1);
    }

    /// Sets how a GPU gets its work.
    pub fn set_launch(&mut self, launch: Launch) {
        self.encoder.set_launch(launch);
    }

    /// Takes the next frames, `[T', 3, H, W]` of 0 to 255.
    ///
    /// They are kept as they are until a clip needs them.
    ///
    /// # Errors
    ///
    /// If the frames are not of the size of this video.
    pub fn push(&mut self, frames: &Tensor) -> Result<(), ModelError> {
        check_frames(frames, self.encoder.frame_size())?;
        let num_frames = frames.size()[0];
        self.waiting.extend((0..num_frames).map(|index| frames.narrow(0, index, 1)));
        self.schedule.push(num_frames as usize);
        self.forget(self.first_needed());
        Ok(())
    }

    /// Tells that no frame follows.
    ///
    /// # Errors
    ///
    /// If there was none.
    pub fn end(&mut self) -> Result<(), ModelError> {
        if self.schedule.num_frames() == 0 {
            let (expected, found) = ("at least one".to_owned(), "none".to_owned());
            return Err(ModelError::Frames { expected, found });
        }
        self.schedule.end();
        self.forget(self.first_needed());
        Ok(())
    }

    /// Size of the frames.
    pub fn frame_size(&self) -> ImageSize {
        self.encoder.frame_size()
    }

    /// Frames so far.
    pub fn num_frames(&self) -> usize {
        self.schedule.num_frames()
    }

    /// The first frame that a later clip may hold.
    pub fn first_needed(&self) -> usize {
        self.schedule.first_needed()
    }

    /// Predicts the next clip whose frames are all there.
    ///
    /// # Errors
    ///
    /// If the frames cannot be encoded, or the device has no memory left.
    pub fn next_clip(&mut self) -> Result<Option<ClipPrediction>, ModelError> {
        let Some(frames) = self.schedule.next_clip() else { return Ok(None) };
        let prediction = tch::no_grad(|| {
            self.forget(frames.start);
            self.encode_until(frames.end)?;
            self.encoder.caught("a clip", || Ok(self.decode(frames)))
        })?;
        self.forget(self.first_needed());
        Ok(Some(prediction))
    }

    /// Lets go of the frames before `end`.
    fn forget(&mut self, end: usize) {
        while self.first_encoded < end {
            if self.encoded.pop_front().is_none() && self.waiting.pop_front().is_none() {
                return;
            }
            self.first_encoded += 1;
        }
    }

    /// Encodes frames up to `end`, and some behind it if they will be needed as well.
    fn encode_until(&mut self, end: usize) -> Result<(), ModelError> {
        while self.first_encoded + self.encoded.len() < end {
            let missing = end - self.first_encoded - self.encoded.len();
            let available = if self.schedule.covers_all() { self.waiting.len() } else { missing };
            let part: Vec<Tensor> =
                self.waiting.drain(..available.min(self.frames_per_part)).collect();
            for EncodedFrames { reading, mask_features } in
                self.encoder.encode(&Tensor::cat(&part, 0))?
            {
                let readings = reading.split().into_iter().enumerate();
                self.encoded.extend(readings.map(|(index, reading)| {
                    let mask_features = mask_features.narrow(0, index as i64, 1);
                    EncodedFrame { reading, mask_features }
                }));
            }
        }
        Ok(())
    }

    fn decode(&self, frames: Range<usize>) -> ClipPrediction {
        let first = frames.start - self.first_encoded;
        let clip: Vec<&EncodedFrame> = self.encoded.range(first..first + frames.len()).collect();
        let readings: Vec<&FrameReading> = clip.iter().map(|frame| &frame.reading).collect();
        let heads = timed(Stage::Decoder, || {
            let output = self.model.decode_frames(&readings);
            self.model.heads(&output, self.model.last_layer(), &[self.encoder.frame_size()])
        });
        let TopQueries { queries, class_probs } =
            top_queries(&heads.pred_logits.get(0), self.max_queries);
        let queries = upload(&Tensor::from_slice(&queries), heads.dynamic_params.device());
        let params = heads.dynamic_params.get(0).index_select(0, &queries);
        let points = heads.reference_points_px.get(0).index_select(1, &queries);
        let features: Vec<&Tensor> = clip.iter().map(|frame| &frame.mask_features).collect();
        let mask_logits = self.model.masks(&Tensor::cat(&features, 0), &params, &points);
        ClipPrediction { frames, class_probs, mask_logits }
    }
}

#[cfg(test)]
mod tests;
