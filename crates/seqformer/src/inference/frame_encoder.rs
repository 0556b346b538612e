//! The way of frames through the part of the network in which frames do not meet.
//!
//! Whole videos and clips share it. On a GPU it is launched as one CUDA graph for each size and number of frames: nothing
//! in it waits for the device, and all constants are made before.

use std::rc::Rc;

use seqformer_masks::ImageSize;
use seqformer_ops::out_of_memory::catch_out_of_memory;
use tch::Tensor;

use super::encoded_frames::EncodedFrames;
use super::model::InferenceModel;
use super::split_on_oom::split_on_oom;
use crate::frame_size::{check_frames, height_x_width};
use crate::stage_clock::{self, Stage, timed};
use crate::{ModelError, TokenLayout};

/// How the work on frames is handed to a GPU; a CPU knows no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Launch {
    /// At once, as a CUDA graph, where the network can be recorded. Stages cannot be told apart within it.
    #[default]
    Graph,
    /// Kernel by kernel, for those who time the stages; see [`crate::time_stages`].
    Kernels,
}

/// Takes frames of one size through the network.
#[derive(Debug)]
pub(crate) struct FrameEncoder<'a> {
    model: &'a InferenceModel,
    frame_size: ImageSize,
    layout: Rc<TokenLayout>,
    launch: Launch,
}

impl<'a> FrameEncoder<'a> {
    /// Prepares for frames of `frame_size`.
    pub(crate) fn new(model: &'a InferenceModel, frame_size: ImageSize) -> Self {
        let make = || tch::no_grad(|| model.token_layout(&[frame_size]));
        let layout = model.device_cache().layout(frame_size, make);
        Self { model, frame_size, layout, launch: Launch::default() }
    }

    /// Sets how a GPU gets its work.
    pub(crate) fn set_launch(&mut self, launch: Launch) {
        self.launch = launch;
    }

    /// Size of the frames.
    pub(crate) fn frame_size(&self) -> ImageSize {
        self.frame_size
    }

    /// Takes frames `[T, 3, H, W]` of 0 to 255 through the network, together if the device has memory for that.
    ///
    /// # Errors
    ///
    /// If the frames are not of this size, or there is no memory for one at a time.
    pub(crate) fn encode(&self, frames: &Tensor) -> Result<Vec<EncodedFrames>, ModelError> {
        check_frames(frames, self.frame_size)?;
        let (cache, device) = (self.model.device_cache(), self.model.device());
        let before = cache.most_at_once(self.frame_size);
        let mut most = before;
        let mut run = |part: std::ops::Range<i64>| {
            let frames = frames.narrow(0, part.start, part.end - part.start);
            tch::no_grad(|| self.caught("one frame at a time", || self.run(&frames)))
        };
        let mut relieve = || cache.relieve(device);
        let encoded = split_on_oom(frames.size()[0], &mut most, &mut run, &mut relieve);
        if most < before {
            cache.set_most_at_once(self.frame_size, most);
        }
        encoded
    }

    /// Runs a part of inference; that the device has no memory left is an error.
    pub(crate) fn caught<R>(
        &self,
        what: &str,
        work: impl FnOnce() -> Result<R, ModelError>,
    ) -> Result<R, ModelError> {
        let what = format!("{what}, {} pixels (height x width)", height_x_width(self.frame_size));
        match catch_out_of_memory(work) {
            Ok(Err(ModelError::OutOfMemory { message, .. })) => {
                Err(ModelError::OutOfMemory { what, message })
            }
            Ok(result) => result,
            Err(error) => Err(ModelError::out_of_memory(&what, error)),
        }
    }

    fn run(&self, frames: &Tensor) -> Result<EncodedFrames, ModelError> {
        let network = |frames: &Tensor| self.network(frames);
        if self.model.device().is_cuda() && self.launch == Launch::Graph {
            let (cache, device) = (self.model.device_cache(), self.model.device());
            let part = (self.frame_size, frames);
            // While a graph is recorded nothing may wait for the device, as the clock of the stages does.
            let replay = || cache.replay(part, &self.layout, device, &network);
            if let Some(encoded) = stage_clock::paused(replay)? {
                return Ok(encoded);
            }
        }
        network(frames)
    }

    fn network(&self, frames: &Tensor) -> Result<EncodedFrames, ModelError> {
        let (model, layout) = (self.model, &*self.layout);
        let images = model.preprocess(frames, self.frame_size)?;
        let memory = model.encode_images(&images, layout); // [1, T', S, C]
        let mask_features = timed(Stage::Masks, || model.mask_features(&memory.get(0), layout));
        let reading = timed(Stage::Decoder, || model.read_frames(&memory, layout));
        Ok(EncodedFrames { mask_features, reading })
    }
}

#[cfg(test)]
mod tests;
