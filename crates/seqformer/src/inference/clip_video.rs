//! Near-online inference with overlapping clips and tracks through them.
//!
//! A video of any length needs the memory of a few frames. The first frames are finished after one clip length, while
//! the video is still being read. Reference: VNext `seqformer/seqformer.py`, `SeqFormer.forward`.

use seqformer_masks::ImageSize;
use tch::Tensor;

use super::clip_predictor::{ClipPredictor, ClipRule};
use super::clip_tracker::{ClipTracker, FinishedFrame};
use super::frame_encoder::Launch;
use super::model::InferenceModel;
use crate::ModelError;

/// A video whose frames arrive in order and leave with the masks of their tracks.
///
/// Masks are final as soon as no later clip can contain their frame. Classes are final only at the end of the video,
/// because they are averaged over all clips. Until then, callers compute [`super::final_masks`] of each finished frame
/// and keep them, encoded, in a [`super::TrackTable`].
#[derive(Debug)]
pub struct ClipVideo<'a> {
    predictor: ClipPredictor<'a>,
    tracker: ClipTracker,
}

/// The end of a video.
#[derive(Debug)]
pub struct ClipVideoEnd {
    /// The frames that were not returned before.
    pub frames: Vec<FinishedFrame>,
    /// Class probabilities of every track, `K` each, averaged over the clips that contain it.
    pub class_probs: Vec<Vec<f32>>,
}

impl<'a> ClipVideo<'a> {
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
        let predictor = ClipPredictor::new(model, frame_size, rule)?;
        Ok(Self { predictor, tracker: ClipTracker::default() })
    }

    /// Adds the next frames, `[T', 3, H, W]` in 0..255, and returns those that are finished.
    ///
    /// # Errors
    ///
    /// If the frames do not have the size of this video.
    pub fn push(&mut self, frames: &Tensor) -> Result<Vec<FinishedFrame>, ModelError> {
        self.predictor.push(frames)?;
        self.run_clips()
    }

    /// Sets how work is launched on a GPU.
    pub fn set_launch(&mut self, launch: Launch) {
        self.predictor.set_launch(launch);
    }

    /// See [`ClipPredictor::set_frames_per_part`].
    pub fn set_frames_per_part(&mut self, frames: usize) {
        self.predictor.set_frames_per_part(frames);
    }

    /// Size of the network's input without padding.
    pub fn frame_size(&self) -> ImageSize {
        self.predictor.frame_size()
    }

    /// Frames so far.
    pub fn num_frames(&self) -> usize {
        self.predictor.num_frames()
    }

    /// Class probabilities of a track so far; [`ClipVideo::finish`] returns those of the whole video.
    pub fn class_probs_of(&self, track: usize) -> Option<Vec<f32>> {
        self.tracker.class_probs_of(track)
    }

    /// Predicts the remaining clips.
    ///
    /// # Errors
    ///
    /// If no frame was pushed.
    pub fn finish(mut self) -> Result<ClipVideoEnd, ModelError> {
        self.predictor.end()?;
        let frames = self.run_clips()?;
        Ok(ClipVideoEnd { frames, class_probs: self.tracker.class_probs() })
    }

    fn run_clips(&mut self) -> Result<Vec<FinishedFrame>, ModelError> {
        let mut finished = Vec::new();
        while let Some(clip) = self.predictor.next_clip()? {
            self.tracker.update(&clip);
            finished.extend(self.tracker.finish_frames(self.predictor.first_needed()));
        }
        // Frames between two clips are finished before the next clip is available.
        finished.extend(self.tracker.finish_frames(self.predictor.first_needed()));
        Ok(finished)
    }
}
