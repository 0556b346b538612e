//! The network alone: frames of its own size that lie in memory, mask logits out.

use seqformer::inference::{ClipRule, ClipVideo, FRAMES_PER_PART, WholeVideo, select};
use seqformer_data::RgbImage;
use seqformer_masks::ImageSize;

use super::frame_masks::FrameGeometry;
use super::mask_reader::{FrameMasks, MaskReader};
use super::read_ahead::Input;
use super::{ClipOptions, Predictor, Progress, frame_size};
use crate::EngineError;
use crate::device::out_of_memory;

impl Predictor {
    /// Runs the network on frames as [`Predictor::resize`] gives them, and leaves its results in memory: class
    /// scores, and mask logits of the selected queries in a quarter of the size, or from a GPU their bits.
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
        for part in inputs.chunks(plan.part(self.frames_at_once(), inputs.len())?) {
            video.push(&self.upload(part)?)?;
            progress(Progress::Encoded(video.num_frames() as usize));
        }
        let decoded = video.decode()?;
        let selection = select(&decoded.pred_logits(), self.options.rule);
        progress(Progress::Decoded);
        let mut done = 0;
        let mut reader = MaskReader::new(self.model.device());
        let mut came = |masks: Vec<FrameMasks>| {
            for frame in masks {
                take(frame);
                done += 1;
                progress(Progress::Masks(done));
            }
        };
        for part in 0..decoded.num_parts() {
            let logits = out_of_memory("masks", || decoded.mask_logits(&selection.queries, part))?;
            came(out_of_memory("masks", || reader.push(&logits, geometry(size)))??);
        }
        came(reader.finish()?);
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
        let mut reader = MaskReader::new(self.model.device());
        let mut video = ClipVideo::new(&self.model, frame_size(size), rule)?;
        video.set_frames_per_part(plan.part(FRAMES_PER_PART, inputs.len())?);
        for part in inputs.chunks(plan.part(clips.frames_at_once, inputs.len())?) {
            let finished = video.push(&self.upload(part)?)?;
            progress(Progress::Encoded(video.num_frames()));
            for frame in finished {
                take(reader.read(&frame.mask_logits, geometry(size))?);
                progress(Progress::Masks(frame.frame + 1));
            }
        }
        for frame in video.finish()?.frames {
            take(reader.read(&frame.mask_logits, geometry(size))?);
            progress(Progress::Masks(frame.frame + 1));
        }
        Ok(())
    }
}

/// Frames that are as the network takes them.
fn geometry(size: ImageSize) -> FrameGeometry {
    FrameGeometry { input: frame_size(size), output: size }
}

/// Keeps the masks from being left out because nobody uses them.
fn take(masks: FrameMasks) {
    drop(std::hint::black_box(masks));
}
