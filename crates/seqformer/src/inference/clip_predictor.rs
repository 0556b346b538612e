//! Runs the network on the clips of a video, with per-frame work shared between clips.
//!
//! The reference runs the whole network for every clip. But everything except the instance queries processes frames
//! independently, and padding is the same in all frames of a video, so per-frame results are computed once and are
//! identical. Reference: VNext `seqformer/seqformer.py`, `SeqFormer.forward`.

use std::collections::VecDeque;
use std::ops::Range;

use seqformer_cuda::transfer::upload;
use seqformer_masks::ImageSize;
use tch::Tensor;

use super::clip_schedule::ClipSchedule;
use super::encoded_frames::EncodedFrames;
use super::frame_encoder::{FrameEncoder, Launch};
use super::model::InferenceModel;
use super::postprocess::{TopQueries, top_queries};
use crate::frame_size::check_frames;
use crate::stage_clock::{Stage, timed};
use crate::{FrameFeatures, ModelError};

/// Default number of frames that are encoded together, if that many are waiting.
pub const FRAMES_PER_PART: usize = 8;

/// How a video is split into clips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClipRule {
    /// Frames per clip.
    pub length: usize,
    /// Frames from the start of a clip to the start of the next.
    pub stride: usize,
    /// Number of queries kept per clip, by their best class.
    pub max_queries: i64,
}

/// The instances found in a clip.
#[derive(Debug)]
pub struct ClipPrediction {
    /// The clip: `T` frames of the video.
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
    /// Frames after the encoded ones, `[1, 3, H, W]` each.
    waiting: VecDeque<Tensor>,
}

/// The results for a frame that all clips share.
#[derive(Debug)]
struct EncodedFrame {
    features: FrameFeatures,
    /// `[1, C / 32, H / 8, W / 8]`
    mask_features: Tensor,
}

impl<'a> ClipPredictor<'a> {
    /// Starts a video whose frames all have `frame_size`.
    ///
    /// # Errors
    ///
    /// If the length or the stride of clips is zero, or no queries are kept.
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

    /// Sets the maximum number of frames that are encoded together; fewer need less memory.
    pub fn set_frames_per_part(&mut self, frames: usize) {
        self.frames_per_part = frames.max(1);
    }

    /// Sets how work is launched on a GPU.
    pub fn set_launch(&mut self, launch: Launch) {
        self.encoder.set_launch(launch);
    }

    /// Adds the next frames, `[T', 3, H, W]` in 0..255.
    ///
    /// They are stored unchanged until a clip needs them.
    ///
    /// # Errors
    ///
    /// If the frames do not have the size of this video.
    pub fn push(&mut self, frames: &Tensor) -> Result<(), ModelError> {
        check_frames(frames, self.encoder.frame_size())?;
        let num_frames = frames.size()[0];
        self.waiting.extend((0..num_frames).map(|index| frames.narrow(0, index, 1)));
        self.schedule.push(num_frames as usize);
        self.forget(self.first_needed());
        Ok(())
    }

    /// Marks the end of the video.
    ///
    /// # Errors
    ///
    /// If it has no frames.
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

    /// The first frame that a later clip may contain.
    pub fn first_needed(&self) -> usize {
        self.schedule.first_needed()
    }

    /// Predicts the next clip whose frames are all available.
    ///
    /// # Errors
    ///
    /// If the frames cannot be encoded, or the device runs out of memory.
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

    /// Drops the frames before `end`.
    fn forget(&mut self, end: usize) {
        while self.first_encoded < end {
            if self.encoded.pop_front().is_none() && self.waiting.pop_front().is_none() {
                return;
            }
            self.first_encoded += 1;
        }
    }

    /// Encodes frames up to `end`, and some after it if they will be needed as well.
    fn encode_until(&mut self, end: usize) -> Result<(), ModelError> {
        while self.first_encoded + self.encoded.len() < end {
            let missing = end - self.first_encoded - self.encoded.len();
            let available = if self.schedule.covers_all() { self.waiting.len() } else { missing };
            let part: Vec<Tensor> =
                self.waiting.drain(..available.min(self.frames_per_part)).collect();
            for EncodedFrames { features, mask_features } in
                self.encoder.encode(&Tensor::cat(&part, 0))?
            {
                let features = features.split().into_iter().enumerate();
                self.encoded.extend(features.map(|(index, features)| {
                    let mask_features = mask_features.narrow(0, index as i64, 1);
                    EncodedFrame { features, mask_features }
                }));
            }
        }
        Ok(())
    }

    fn decode(&self, frames: Range<usize>) -> ClipPrediction {
        let first = frames.start - self.first_encoded;
        let clip: Vec<&EncodedFrame> = self.encoded.range(first..first + frames.len()).collect();
        let features: Vec<&FrameFeatures> = clip.iter().map(|frame| &frame.features).collect();
        let heads = timed(Stage::Decoder, || {
            let output = self.model.decode_frames(&features);
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
mod tests {
    use tch::{Device, Kind, nn};

    use super::*;
    use crate::config::tests::tiny;
    use crate::{Precision, SeqFormer};

    const SIZE: ImageSize = ImageSize { height: 64, width: 64 };

    fn frames(count: i64) -> Tensor {
        let [height, width] = SIZE.sides();
        Tensor::zeros([count, 3, height, width], (Kind::Uint8, Device::Cpu))
    }

    /// A network of zeros.
    fn network() -> InferenceModel {
        let vs = nn::VarStore::new(Device::Cpu);
        let model = SeqFormer::new(&vs.root(), &tiny()).unwrap();
        model.prepare(vs, Precision::F32)
    }

    fn rule(length: usize, stride: usize) -> ClipRule {
        ClipRule { length, stride, max_queries: 3 }
    }

    #[test]
    fn a_long_video_keeps_no_more_frames_than_a_short_one() {
        let model = network();
        for (length, stride, step) in [(3, 1, 1), (4, 3, 2), (2, 5, 1)] {
            let mut predictor = ClipPredictor::new(&model, SIZE, rule(length, stride)).unwrap();
            for _ in 0..12 {
                predictor.push(&frames(step)).unwrap();
                while predictor.next_clip().unwrap().is_some() {}
                let kept = predictor.encoded.len() + predictor.waiting.len();
                assert!(
                    kept <= length.max(stride) + step as usize,
                    "{length} by {stride}: {kept} frames"
                );
            }
            predictor.end().unwrap();
            while predictor.next_clip().unwrap().is_some() {}
            assert_eq!(predictor.encoded.len() + predictor.waiting.len(), 0);
        }
    }

    #[test]
    fn frames_that_no_clip_holds_are_not_encoded() {
        let model = network();
        let mut predictor = ClipPredictor::new(&model, SIZE, rule(2, 5)).unwrap();
        predictor.push(&frames(7)).unwrap();
        assert_eq!(predictor.next_clip().unwrap().unwrap().frames, 0..2);
        assert_eq!(predictor.next_clip().unwrap().unwrap().frames, 5..7);
        // No other clip begins before frame 10.
        assert_eq!(
            (predictor.first_encoded, predictor.encoded.len(), predictor.waiting.len()),
            (7, 0, 0)
        );
        // The last clip is moved back to frames 9 and 10.
        predictor.push(&frames(4)).unwrap();
        assert_eq!(predictor.first_encoded, 9);
        predictor.end().unwrap();
        assert_eq!(predictor.next_clip().unwrap().unwrap().frames, 9..11);
    }

    #[test]
    fn what_cannot_be_a_video_is_an_error() {
        let model = network();
        let message = |result: Result<(), ModelError>| result.unwrap_err().to_string();
        let mut predictor = ClipPredictor::new(&model, SIZE, rule(3, 1)).unwrap();
        assert_eq!(message(predictor.end()), "frames: expected at least one, found none");
        let other = Tensor::zeros([1, 3, 32, 64], (Kind::Uint8, Device::Cpu));
        assert_eq!(
            message(predictor.push(&other)),
            "frames: expected [T, 3, 64, 64], found [1, 3, 32, 64]"
        );
        for rule in [rule(0, 1), rule(1, 0), ClipRule { max_queries: 0, ..rule(1, 1) }] {
            assert!(ClipPredictor::new(&model, SIZE, rule).is_err(), "{rule:?}");
        }
    }
}
