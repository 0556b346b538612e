//! Near-online inference: clips that overlap, and tracks that go through them.
//!
//! A video of any length runs in the memory of a few frames; the first frames come out after a clip's
//! length, while the video is still being read. Reference: VNext `seqformer/seqformer.py`,
//! `SeqFormer.forward`.

use seqformer_masks::ImageSize;
use tch::Tensor;

use super::clip_predictor::{ClipPredictor, ClipRule};
use super::clip_tracker::{ClipTracker, FinishedFrame};
use super::frame_encoder::Launch;
use super::model::InferenceModel;
use crate::ModelError;

/// A video whose frames arrive in order and leave with the masks of their tracks.
///
/// Masks are final as soon as no later clip can hold their frame; classes only at the end of the video,
/// because they are averaged over all clips. A caller makes [`super::final_masks`] of each finished frame
/// and keeps them, encoded, in a [`super::TrackTable`] until then.
#[derive(Debug)]
pub struct ClipVideo<'a> {
    predictor: ClipPredictor<'a>,
    tracker: ClipTracker,
}

/// The end of a video.
#[derive(Debug)]
pub struct ClipVideoEnd {
    /// The frames that were not finished before.
    pub frames: Vec<FinishedFrame>,
    /// Class probabilities of every track, `K` each, averaged over the clips that have seen it.
    pub class_probs: Vec<Vec<f32>>,
}

impl<'a> ClipVideo<'a> {
    /// Begins a video whose frames all have `frame_size`.
    ///
    /// # Errors
    ///
    /// If the clips have no length or no stride, or none of their queries is kept.
    pub fn new(
        model: &'a InferenceModel,
        frame_size: ImageSize,
        rule: ClipRule,
    ) -> Result<Self, ModelError> {
        let predictor = ClipPredictor::new(model, frame_size, rule)?;
        Ok(Self { predictor, tracker: ClipTracker::default() })
    }

    /// Takes the next frames, `[T', 3, H, W]` of 0 to 255, and gives back those that are finished.
    ///
    /// # Errors
    ///
    /// If the frames are not of the size of this video.
    pub fn push(&mut self, frames: &Tensor) -> Result<Vec<FinishedFrame>, ModelError> {
        self.predictor.push(frames)?;
        self.run_clips()
    }

    /// Sets how a GPU gets its work.
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

    /// Class probabilities of a track so far; those of the whole video come with [`ClipVideo::finish`].
    pub fn class_probs_of(&self, track: usize) -> Option<Vec<f32>> {
        self.tracker.class_probs_of(track)
    }

    /// Predicts what remains.
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
        // Frames that lie between two clips are done with before the next clip is there.
        finished.extend(self.tracker.finish_frames(self.predictor.first_needed()));
        Ok(finished)
    }
}
