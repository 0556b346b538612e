//! The one way of frames through a prediction.
//!
//! Frames come from a source, go through the network in batches, as a [`VideoPass`] says, and their masks leave through
//! a [`MaskSink`]. Predictions, evaluations and measurements differ in nothing but these three.

use std::iter::Peekable;

use tch::Tensor;

use super::batch_policy::BatchPolicy;
use super::geometry::{Enlargement, FrameGeometry};
use super::mask_reader::{FrameMasks, MaskReader};
use super::read_ahead::Input;
use super::{Predictor, Progress, frame_size};
use crate::EngineError;
use crate::device::out_of_memory;

/// Frames of one size as the network takes them, the first of which is there.
pub(super) struct Inputs<'a> {
    geometry: FrameGeometry,
    frames: Peekable<Box<dyn Iterator<Item = Result<Input, EngineError>> + 'a>>,
}

/// A way to use the network on a video.
pub(super) trait VideoPass {
    /// What is known when all masks are made.
    type End;

    /// Takes the next frames `[T', 3, H, W]`, at most `encoded` of them through the network together, and gives those
    /// whose masks are final.
    fn push(&mut self, frames: &Tensor, encoded: usize) -> Result<Vec<FinalFrame>, EngineError>;

    /// Hands on the masks of all other frames.
    fn finish(self, masks: &mut MaskDelivery<'_>) -> Result<Self::End, EngineError>;
}

/// A frame whose mask logits will not change.
pub(super) struct FinalFrame {
    /// Number of the frame, from 0.
    pub(super) frame: usize,
    /// Indices and class probabilities so far, ascending.
    pub(super) tracks: Vec<(usize, Vec<f32>)>,
    /// `[I, h, w]`, one for each track.
    pub(super) mask_logits: Tensor,
}

/// Where finished frames go.
pub(super) trait MaskSink {
    /// Tells how far the prediction is.
    fn reached(&mut self, progress: Progress);

    /// Takes the next frame.
    fn take(&mut self, frame: MaskedFrame) -> Result<(), EngineError>;

    /// Some frames went through the network, and what they finished was handed in.
    fn end_batch(&mut self) -> Result<(), EngineError> {
        Ok(())
    }
}

/// A frame with its masks in plain memory.
pub(super) struct MaskedFrame {
    /// Number of the frame, from 0.
    pub(super) frame: usize,
    /// Indices and class probabilities so far, ascending; without probabilities where the video is decoded as a whole.
    pub(super) tracks: Vec<(usize, Vec<f32>)>,
    /// One mask for each track.
    pub(super) masks: FrameMasks,
}

/// Brings mask logits from the device to the sink.
pub(super) struct MaskDelivery<'a> {
    predictor: &'a Predictor,
    geometry: FrameGeometry,
    reader: MaskReader,
    sink: &'a mut dyn MaskSink,
}

impl<'a> Inputs<'a> {
    /// Waits for the first frame.
    ///
    /// # Errors
    ///
    /// If there is none, or it cannot be had.
    pub(super) fn open(
        frames: impl IntoIterator<Item = Result<Input, EngineError>> + 'a,
    ) -> Result<Self, EngineError> {
        let mut frames = frames.into_iter();
        let first = frames.next().ok_or(EngineError::NoFrames)??;
        let geometry = FrameGeometry {
            input: frame_size(first.image.size),
            output: first.size,
            enlargement: Enlargement::ByInput,
        };
        let frames: Box<dyn Iterator<Item = _> + 'a> =
            Box::new(std::iter::once(Ok(first)).chain(frames));
        Ok(Self { geometry, frames: frames.peekable() })
    }

    /// The same frames, whose masks become as large as they are on this way.
    pub(super) fn enlarging(mut self, enlargement: Enlargement) -> Self {
        self.geometry.enlargement = enlargement;
        self
    }

    /// The sizes that all frames have.
    pub(super) fn geometry(&self) -> FrameGeometry {
        self.geometry
    }
}

impl Predictor {
    /// Takes all frames through the network.
    pub(super) fn drive<P: VideoPass>(
        &self,
        mut inputs: Inputs<'_>,
        mut pass: P,
        batches: BatchPolicy,
        sink: &mut dyn MaskSink,
    ) -> Result<P::End, EngineError> {
        let geometry = inputs.geometry();
        let reader = MaskReader::new(self.model.device(), geometry.enlargement);
        let mut masks = MaskDelivery { predictor: self, geometry, reader, sink };
        let mut num_read = 0;
        loop {
            self.check_stop()?;
            if inputs.frames.peek().is_none() {
                return pass.finish(&mut masks);
            }
            let batch = batches.next(num_read)?;
            let frames = inputs.frames.by_ref().take(batch.read).collect::<Result<Vec<_>, _>>()?;
            num_read += frames.len();
            let finished = pass.push(&self.upload(&frames)?, batch.encoded)?;
            masks.reached(Progress::Encoded(num_read));
            for frame in finished {
                masks.frame(frame)?;
            }
            masks.sink.end_batch()?;
        }
    }
}

impl MaskDelivery<'_> {
    /// Tells how far the prediction is.
    pub(super) fn reached(&mut self, progress: Progress) {
        self.sink.reached(progress);
    }

    /// Hands on one frame.
    pub(super) fn frame(&mut self, frame: FinalFrame) -> Result<(), EngineError> {
        let FinalFrame { frame, tracks, mask_logits } = frame;
        let masks = out_of_memory("masks", || self.reader.read(&mask_logits, self.geometry))??;
        self.sink.take(MaskedFrame { frame, tracks, masks })
    }

    /// Hands on all frames of a video, of which `logits` makes those of one part, `[I, T', h, w]`.
    ///
    /// From a GPU the masks of a part come while the next ones are made.
    pub(super) fn parts(
        &mut self,
        num_parts: usize,
        num_tracks: usize,
        logits: &dyn Fn(usize) -> Tensor,
    ) -> Result<(), EngineError> {
        let mut done = 0;
        for part in 0..num_parts {
            self.predictor.check_stop()?;
            let logits = out_of_memory("masks", || logits(part))?;
            let came = out_of_memory("masks", || self.reader.push(&logits, self.geometry))??;
            self.take(came, num_tracks, &mut done)?;
        }
        let came = self.reader.finish()?;
        self.take(came, num_tracks, &mut done)
    }

    fn take(
        &mut self,
        came: Vec<FrameMasks>,
        num_tracks: usize,
        done: &mut usize,
    ) -> Result<(), EngineError> {
        for masks in came {
            let tracks = (0..num_tracks).map(|track| (track, Vec::new())).collect();
            self.sink.take(MaskedFrame { frame: *done, tracks, masks })?;
            *done += 1;
        }
        Ok(())
    }
}
