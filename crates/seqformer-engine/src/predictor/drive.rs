//! The common path of frames through all predictions.
//!
//! Frames come from a source, go through the network in batches, as a [`VideoPass`] determines, and their masks leave
//! through a [`MaskSink`]. Prediction, evaluation and measurement differ only in these three.

use std::iter::Peekable;

use tch::Tensor;

use super::batch_policy::BatchPolicy;
use super::geometry::{Enlargement, FrameGeometry};
use super::mask_reader::{FrameMasks, MaskReader};
use super::read_ahead::Input;
use super::{Predictor, Progress};
use crate::EngineError;
use crate::device::out_of_memory;

/// Frames of one size as the network's input; the first one has been read.
pub(super) struct FrameStream<'a> {
    geometry: FrameGeometry,
    frames: Peekable<Box<dyn Iterator<Item = Result<Input, EngineError>> + 'a>>,
}

/// A way to run the network on a video.
pub(super) trait VideoPass {
    /// What is known once all masks are computed.
    type End;

    /// Processes the next frames `[T', 3, H, W]`, at most `encoded` of them at once, and returns those whose masks are
    /// final.
    fn push(&mut self, frames: &Tensor, encoded: usize) -> Result<Vec<FinalFrame>, EngineError>;

    /// Passes on the masks of all other frames.
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

/// The destination of finished frames.
pub(super) trait MaskSink {
    /// Reports the progress of the prediction.
    fn reached(&mut self, progress: Progress);

    /// Takes the next frame.
    fn take(&mut self, frame: MaskedFrame) -> Result<(), EngineError>;

    /// Called after each batch, when the frames that it finished have been passed on.
    fn end_batch(&mut self) -> Result<(), EngineError> {
        Ok(())
    }
}

/// A frame with its masks in host memory.
pub(super) struct MaskedFrame {
    /// Number of the frame, from 0.
    pub(super) frame: usize,
    /// Indices and class probabilities so far, ascending; without probabilities if the video is decoded as a whole.
    pub(super) tracks: Vec<(usize, Vec<f32>)>,
    /// One mask for each track.
    pub(super) masks: FrameMasks,
}

/// Transfers mask logits from the device to the sink.
pub(super) struct MaskDelivery<'a> {
    predictor: &'a Predictor,
    geometry: FrameGeometry,
    reader: MaskReader,
    sink: &'a mut dyn MaskSink,
}

impl<'a> FrameStream<'a> {
    /// Waits for the first frame.
    ///
    /// # Errors
    ///
    /// If there is none, or it cannot be read.
    pub(super) fn open(
        frames: impl IntoIterator<Item = Result<Input, EngineError>> + 'a,
    ) -> Result<Self, EngineError> {
        let mut frames = frames.into_iter();
        let first = frames.next().ok_or(EngineError::NoFrames)??;
        let geometry = FrameGeometry {
            input: first.image.size,
            output: first.size,
            enlargement: Enlargement::ByInput,
        };
        let frames: Box<dyn Iterator<Item = _> + 'a> =
            Box::new(std::iter::once(Ok(first)).chain(frames));
        Ok(Self { geometry, frames: frames.peekable() })
    }

    /// The same frames with another enlargement of their masks.
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
    /// Runs the network on all frames.
    pub(super) fn drive<P: VideoPass>(
        &self,
        mut inputs: FrameStream<'_>,
        mut pass: P,
        batches: BatchPolicy,
        sink: &mut dyn MaskSink,
    ) -> Result<P::End, EngineError> {
        let geometry = inputs.geometry();
        let reader = MaskReader::new(self.model.device(), geometry.enlargement);
        let mut masks = MaskDelivery { predictor: self, geometry, reader, sink };
        let (mut num_read, mut num_encoded) = (0, 0);
        loop {
            self.check_stop()?;
            if inputs.frames.peek().is_none() {
                return pass.finish(&mut masks);
            }
            let batch = batches.next(num_read)?;
            let frames = inputs.frames.by_ref().take(batch.read).collect::<Result<Vec<_>, _>>()?;
            num_read += frames.len();
            let mut rest = frames.as_slice();
            for length in batches.parts(frames.len()) {
                let (part, behind) = rest.split_at(length);
                let finished = pass.push(&self.upload(part)?, batch.encoded)?;
                (rest, num_encoded) = (behind, num_encoded + length);
                masks.reached(Progress::Encoded(num_encoded));
                for frame in finished {
                    masks.frame(frame)?;
                }
            }
            masks.sink.end_batch()?;
        }
    }
}

impl MaskDelivery<'_> {
    /// Reports the progress of the prediction.
    pub(super) fn reached(&mut self, progress: Progress) {
        self.sink.reached(progress);
    }

    /// Passes on one frame.
    pub(super) fn frame(&mut self, frame: FinalFrame) -> Result<(), EngineError> {
        let FinalFrame { frame, tracks, mask_logits } = frame;
        let masks = out_of_memory("masks", || self.reader.read(&mask_logits, self.geometry))??;
        self.sink.take(MaskedFrame { frame, tracks, masks })
    }

    /// Passes on all frames of a video; `logits` computes those of one batch, `[I, T', h, w]`.
    ///
    /// From a GPU, the masks of a batch are copied while the next ones are computed.
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
