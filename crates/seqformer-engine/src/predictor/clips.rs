//! Videos of any length in clips that overlap: masks come out while the video is still being read.
//!
//! Reference: VNext `seqformer/seqformer.py`, `SeqFormer.forward` with `CLIP_MATCHING`.

use seqformer::FrameSize;
use seqformer::inference::{
    ClipRule, ClipVideo, ClipVideoEnd, FinishedFrame, classify, final_masks,
};
use seqformer_data::RgbImage;
use seqformer_masks::{ImageSize, Rle};

use super::{Predictor, Progress, VideoPrediction, frames_tensor};
use crate::encode::encode_masks;
use crate::{EngineError, TrackMasks};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// How videos are cut into clips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClipOptions {
    /// Frames of a clip.
    pub length: usize,
    /// Frames from the start of a clip to that of the next.
    pub stride: usize,
    /// Frames that are read before the network runs: several at once are faster, one at a time are seen
    /// sooner. The result is the same.
    pub frames_at_once: usize,
}

impl ClipOptions {
    /// Clips of `length` frames, a new one every `stride`, of a video that can be read ahead.
    pub fn new(length: usize, stride: usize) -> Self {
        Self { length, stride, frames_at_once: 4 }
    }
}

/// A frame whose masks no later frame will change.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackedFrame {
    /// Number of the frame, from 0.
    pub frame: usize,
    /// The tracks that were seen on it, ascending.
    pub tracks: Vec<TrackOnFrame>,
}

/// A track on one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackOnFrame {
    /// Index of the track, which is its rank in the detections of the video.
    pub track: usize,
    /// Its mask at the size of the video; final, and maybe empty.
    pub mask: Rle,
    /// Its class probabilities so far; those of the whole video may differ.
    pub class_probs: Vec<f32>,
}

impl Predictor {
    /// Tracks instances through clips that overlap.
    ///
    /// Hands every frame to `each_frame` as soon as it is final, and stops if that fails. The network
    /// holds the frames of about one clip, whatever the length of the video; the result holds the run
    /// lengths of all tracks.
    ///
    /// # Errors
    ///
    /// If a frame cannot be had or handed on, sizes differ, or there is no frame.
    pub fn track(
        &self,
        frames: impl Iterator<Item = Result<RgbImage, AnyError>>,
        clips: ClipOptions,
        each_frame: &mut dyn FnMut(&TrackedFrame) -> Result<(), AnyError>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<VideoPrediction, EngineError> {
        let rule = ClipRule {
            length: clips.length,
            stride: clips.stride,
            max_queries: self.options.rule.max_queries,
        };
        let (mut size, mut video) = (None, None);
        let mut done = Finished { masks: None, each_frame, progress };
        let mut frames = frames.enumerate().fuse();
        let mut num_read = 0;
        loop {
            let mut inputs = Vec::with_capacity(clips.frames_at_once.max(1));
            for (index, frame) in frames.by_ref().take(clips.frames_at_once.max(1)) {
                inputs.push(self.next_input(frame, index, &mut size)?);
            }
            let Some(first) = inputs.first() else { break };
            let clips = match &mut video {
                Some(clips) => clips,
                None => video.insert(ClipVideo::new(&self.model, frame_size(first.size), rule)?),
            };
            let finished = clips.push(&frames_tensor(&inputs, self.options.channels))?;
            num_read += inputs.len();
            (done.progress)(Progress::Encoded(num_read));
            for frame in finished {
                done.add(&frame, clips.frame_size(), size, &|track| clips.class_probs_of(track))?;
            }
        }
        let (Some(clips), Some(size)) = (video, size) else { return Err(EngineError::NoFrames) };
        let (num_frames, input_size) = (clips.num_frames(), clips.frame_size());
        let ClipVideoEnd { frames, class_probs } = clips.finish()?;
        for frame in frames {
            let class_probs = |track: usize| class_probs.get(track).cloned();
            done.add(&frame, input_size, Some(size), &class_probs)?;
        }
        let threshold = self.options.rule.class_threshold;
        let detections = classify(class_probs.iter().map(Vec::as_slice), threshold);
        let mut masks = done.masks.unwrap_or_else(|| TrackMasks::new(size));
        masks.reserve_tracks(class_probs.len());
        Ok(VideoPrediction { size, num_frames, masks, detections })
    }
}

/// Where finished frames go.
struct Finished<'a> {
    masks: Option<TrackMasks>,
    each_frame: &'a mut dyn FnMut(&TrackedFrame) -> Result<(), AnyError>,
    progress: &'a mut dyn FnMut(Progress),
}

impl Finished<'_> {
    /// Encodes the masks of a frame, hands it on and keeps them.
    fn add(
        &mut self,
        frame: &FinishedFrame,
        input_size: FrameSize,
        output_size: Option<ImageSize>,
        class_probs: &dyn Fn(usize) -> Option<Vec<f32>>,
    ) -> Result<(), EngineError> {
        let size = output_size.map_or(input_size, frame_size);
        let masks = encode_masks(&final_masks(&frame.mask_logits, input_size, size));
        let tracks = frame.tracks.iter().zip(masks).map(|(&track, mask)| TrackOnFrame {
            track,
            mask,
            class_probs: class_probs(track).unwrap_or_default(),
        });
        let tracked = TrackedFrame { frame: frame.frame, tracks: tracks.collect() };
        (self.each_frame)(&tracked).map_err(EngineError::Output)?;
        (self.progress)(Progress::Masks(frame.frame + 1));
        if let Some(size) = output_size {
            let masks = self.masks.get_or_insert_with(|| TrackMasks::new(size));
            masks.push_frame(tracked.tracks.iter().map(|found| (found.track, &found.mask)));
        }
        Ok(())
    }
}

fn frame_size(size: ImageSize) -> FrameSize {
    FrameSize { height: i64::from(size.height), width: i64::from(size.width) }
}
