//! The network alone: frames of its own size that lie in memory, mask logits out.

use seqformer::inference::{ClipRule, ClipVideo, FRAMES_PER_PART, WholeVideo, select};
use seqformer_data::RgbImage;
use seqformer_masks::ImageSize;
use tch::Tensor;

use super::frame_masks::{FrameGeometry, FrameLogits};
use super::read_ahead::Input;
use super::{ClipOptions, PART, Predictor, Progress, frame_size};
use crate::EngineError;

impl Predictor {
    /// Runs the network on frames as [`Predictor::resize`] gives them, and leaves its results in memory: class
    /// scores, and mask logits of the selected queries in a quarter of the size.
    ///
    /// This is what a prediction costs without decoding, resizing and run lengths. `progress` is told of every
    /// step, as in [`Predictor::predict`].
    ///
    /// # Errors
    ///
    /// If there is no frame, or sizes differ.
    pub fn run_network(
        &self,
        frames: Vec<RgbImage>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), EngineError> {
        let Some(size) = frames.first().map(|frame| frame.size) else {
            return Err(EngineError::NoFrames);
        };
        let inputs: Vec<Input> =
            frames.into_iter().map(|image| Input { size: image.size, image }).collect();
        match self.options.clips {
            None => self.run_whole(&inputs, size, progress),
            Some(clips) => self.run_clips(&inputs, clips, size, progress),
        }
    }

    fn run_whole(
        &self,
        inputs: &[Input],
        size: ImageSize,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), EngineError> {
        let plan = self.memory_plan(geometry(size), None);
        let mut video = WholeVideo::new(&self.model, frame_size(size));
        for part in inputs.chunks(plan.part(PART, inputs.len())?) {
            video.push(&self.tensor(part))?;
            progress(Progress::Encoded(video.num_frames() as usize));
        }
        let decoded = video.decode()?;
        let selection = select(&decoded.pred_logits(), self.options.rule);
        progress(Progress::Decoded);
        let mut done = 0;
        for part in 0..decoded.num_parts() {
            let logits = decoded.mask_logits(&selection.queries, part); // [I, T', h, w]
            for frame in 0..logits.size()[1] {
                take(&logits.select(1, frame));
                done += 1;
                progress(Progress::Masks(done));
            }
        }
        Ok(())
    }

    fn run_clips(
        &self,
        inputs: &[Input],
        clips: ClipOptions,
        size: ImageSize,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), EngineError> {
        let rule = ClipRule {
            length: clips.length,
            stride: clips.stride,
            max_queries: self.options.rule.max_queries,
        };
        let plan = self.memory_plan(geometry(size), Some(rule.length));
        let mut video = ClipVideo::new(&self.model, frame_size(size), rule)?;
        video.set_frames_per_part(plan.part(FRAMES_PER_PART, inputs.len())?);
        for part in inputs.chunks(plan.part(clips.frames_at_once, inputs.len())?) {
            let finished = video.push(&self.tensor(part))?;
            progress(Progress::Encoded(video.num_frames()));
            for frame in finished {
                take(&frame.mask_logits);
                progress(Progress::Masks(frame.frame + 1));
            }
        }
        for frame in video.finish()?.frames {
            take(&frame.mask_logits);
            progress(Progress::Masks(frame.frame + 1));
        }
        Ok(())
    }
}

/// Frames that are as the network takes them.
fn geometry(size: ImageSize) -> FrameGeometry {
    FrameGeometry { input: frame_size(size), output: size }
}

/// Waits until the logits are there, wherever they were made.
fn take(logits: &Tensor) {
    drop(std::hint::black_box(FrameLogits::new(logits)));
}
