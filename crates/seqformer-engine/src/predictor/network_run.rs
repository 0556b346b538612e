//! The network alone: frames of its own size that lie in memory, masks out that nobody keeps.

use seqformer::inference::Launch;
use seqformer_data::RgbImage;

use super::drive::{FrameStream, MaskSink, MaskedFrame};
use super::read_ahead::Input;
use super::{Predictor, Progress};
use crate::EngineError;

/// Forgets every mask as soon as it is in the host's memory.
struct Forgotten<'a> {
    progress: &'a mut dyn FnMut(Progress),
}

impl MaskSink for Forgotten<'_> {
    fn reached(&mut self, progress: Progress) {
        (self.progress)(progress);
    }

    fn take(&mut self, frame: MaskedFrame) -> Result<(), EngineError> {
        // Or else the masks might be left out because nobody uses them.
        drop(std::hint::black_box(frame.masks));
        (self.progress)(Progress::Masks(frame.frame + 1));
        Ok(())
    }
}

impl Predictor {
    /// Runs the network on frames as [`Predictor::resize`] gives them, and leaves its results in memory: class
    /// scores, and mask logits of the selected queries in a quarter of the size, or from a GPU their bits.
    ///
    /// This is what a prediction costs without decoding, resizing and run lengths. `progress` is told of every
    /// step, as in [`Predictor::predict`]. Predictions launch a graph; [`Launch::Kernels`] is for timing the stages.
    ///
    /// # Errors
    ///
    /// If there is no frame, or sizes differ.
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
