//! Videos of any length in overlapping clips: masks are final while the video is still being read.
//!
//! Reference: VNext `seqformer/seqformer.py`, `SeqFormer.forward` with `CLIP_MATCHING`.

use seqformer::inference::{ClipRule, ClipVideo, ClipVideoEnd, FinishedFrame, Launch};
use seqformer_data::RgbImage;
use tch::Tensor;

use super::batch_policy::BatchPolicy;
use super::drive::{FinalFrame, FrameStream, MaskDelivery, MaskSink, VideoPass};
use super::geometry::Enlargement;
use super::read_ahead::read_ahead;
use super::run_lengths::{OnFrame, RunLengths, TrackedFrame};
use super::{AnyError, Predictor, Progress, VideoPrediction};
use crate::{ClipOptions, EngineError, PredictorOptions};

/// A video processed in clips.
struct Clips<'a>(ClipVideo<'a>);

impl VideoPass for Clips<'_> {
    /// Class probabilities of every track, `K` each.
    type End = Vec<Vec<f32>>;

    fn push(&mut self, frames: &Tensor, encoded: usize) -> Result<Vec<FinalFrame>, EngineError> {
        self.0.set_frames_per_part(encoded);
        let finished = self.0.push(frames)?;
        let probs_of = |track| self.0.class_probs_of(track);
        Ok(finished.into_iter().map(|frame| with_class_probs(frame, &probs_of)).collect())
    }

    fn finish(self, masks: &mut MaskDelivery<'_>) -> Result<Self::End, EngineError> {
        let ClipVideoEnd { frames, class_probs } = self.0.finish()?;
        for frame in frames {
            masks.frame(with_class_probs(frame, &|track| class_probs.get(track).cloned()))?;
        }
        Ok(class_probs)
    }
}

fn with_class_probs(
    frame: FinishedFrame,
    class_probs: &dyn Fn(usize) -> Option<Vec<f32>>,
) -> FinalFrame {
    let FinishedFrame { frame, tracks, mask_logits } = frame;
    let with_probs = |track| (track, class_probs(track).unwrap_or_default());
    FinalFrame { frame, tracks: tracks.into_iter().map(with_probs).collect(), mask_logits }
}

impl Predictor {
    /// Tracks instances through overlapping clips.
    ///
    /// Calls `each_frame` with every frame as soon as it is final, and stops if that fails. The
    /// network holds about the frames of one clip, whatever the length of the video; the result
    /// contains the run lengths of all tracks.
    ///
    /// # Errors
    ///
    /// If a frame cannot be read or passed on, sizes differ, or there are no frames.
    pub fn track(
        &self,
        frames: impl Iterator<Item = Result<RgbImage, AnyError>> + Send,
        clips: ClipOptions,
        each_frame: &mut dyn FnMut(&TrackedFrame) -> Result<(), AnyError>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<VideoPrediction, EngineError> {
        std::thread::scope(|scope| {
            let inputs = FrameStream::open(read_ahead(scope, frames, self.preparation())?)?;
            let on_frame = OnFrame { each_frame, progress, live: clips.live };
            self.find(scope, inputs, Some(clips), on_frame)
        })
    }

    /// Tracks instances as [`Self::track`] does, and keeps nothing of frames that were handed to `each_frame`: for videos
    /// without an end.
    ///
    /// # Errors
    ///
    /// As [`Self::track`].
    pub fn stream(
        &self,
        frames: impl Iterator<Item = Result<RgbImage, AnyError>> + Send,
        clips: ClipOptions,
        each_frame: &mut dyn FnMut(&TrackedFrame) -> Result<(), AnyError>,
    ) -> Result<(), EngineError> {
        PredictorOptions { clips: Some(clips), ..self.options.clone() }.check()?;
        std::thread::scope(|scope| {
            let inputs = FrameStream::open(read_ahead(scope, frames, self.preparation())?)?;
            let inputs = inputs.enlarging(Enlargement::of(self.options.results));
            let on_frame = OnFrame { each_frame, progress: &mut |_progress| {}, live: clips.live };
            let sink = RunLengths::start(scope, &self.clock, inputs.geometry(), on_frame)?;
            let mut sink = sink.without_keeping();
            self.drive_clips(inputs, clips, Launch::Graph, &mut sink)?;
            sink.finish(0).map(drop)
        })
    }

    /// Runs the network on a video in clips.
    pub(super) fn drive_clips(
        &self,
        inputs: FrameStream<'_>,
        clips: ClipOptions,
        launch: Launch,
        sink: &mut dyn MaskSink,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let ClipOptions { length, stride, live } = clips;
        let geometry = inputs.geometry();
        let batches = BatchPolicy::clips(live, self.memory_plan(geometry, Some(length)));
        let rule = ClipRule { length, stride, max_queries: self.options.rule.max_queries };
        let mut video = ClipVideo::new(&self.model, geometry.input, rule)?;
        video.set_launch(launch);
        self.drive(inputs, Clips(video), batches, sink)
    }
}
