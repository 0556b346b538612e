//! The network alone: input-size frames from memory, masks that are discarded.

use seqformer::inference::Launch;
use seqformer_data::RgbImage;

use super::drive::{FrameStream, MaskSink, MaskedFrame};
use super::read_ahead::Input;
use super::{Predictor, Progress};
use crate::EngineError;

/// Discards every mask as soon as it is in host memory.
struct Forgotten<'a> {
    progress: &'a mut dyn FnMut(Progress),
}

impl MaskSink for Forgotten<'_> {
    fn reached(&mut self, progress: Progress) {
        (self.progress)(progress);
    }

    fn take(&mut self, frame: MaskedFrame) -> Result<(), EngineError> {
        // Otherwise unused masks might be optimized away.
        drop(std::hint::black_box(frame.masks));
        (self.progress)(Progress::Masks(frame.frame + 1));
        Ok(())
    }
}

impl Predictor {
    /// Runs the network on frames returned by [`Predictor::resize`], and leaves its results in memory: class scores,
    /// and mask logits of the selected queries at a quarter of the resolution, or their bits from a GPU.
    ///
    /// This is the cost of a prediction without decoding, resizing and run lengths. `progress` is called for every
    /// step, as in [`Predictor::predict`]. Predictions launch a graph; [`Launch::Kernels`] is for timing the stages.
    ///
    /// # Errors
    ///
    /// If there are no frames, or sizes differ.
    pub fn run_network(
        &self,
        frames: Vec<RgbImage>,
        launch: Launch,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), EngineError> {
        let frames = frames.into_iter().map(|image| Ok(Input { size: image.size, image }));
        let (inputs, sink) = (FrameStream::open(frames)?, &mut Forgotten { progress });
        match self.options.clips {
            None => self.drive_whole(inputs, launch, sink).map(drop),
            Some(clips) => self.drive_clips(inputs, clips, launch, sink).map(drop),
        }
    }
}
