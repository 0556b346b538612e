//! Videos of any length in clips that overlap: masks come out while the video is still being read.
//!
//! Reference: VNext `seqformer/seqformer.py`, `SeqFormer.forward` with `CLIP_MATCHING`.

use std::sync::mpsc::Receiver;

use seqformer::inference::{
    ClipRule, ClipVideo, ClipVideoEnd, FRAMES_PER_PART, FinishedFrame, classify,
};
use seqformer_data::RgbImage;
use seqformer_masks::Rle;

use super::frame_masks::FrameGeometry;
use super::mask_reader::{FrameMasks, MaskReader};
use super::ordered_workers::OrderedWorkers;
use super::read_ahead::{Input, read_ahead};
use super::{AnyError, Predictor, Progress, VideoPrediction, frame_size, num_threads};
use crate::device::out_of_memory;
use crate::{EngineError, TrackMasks};

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
        frames: impl Iterator<Item = Result<RgbImage, AnyError>> + Send,
        clips: ClipOptions,
        each_frame: &mut dyn FnMut(&TrackedFrame) -> Result<(), AnyError>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<VideoPrediction, EngineError> {
        let rule = ClipRule {
            length: clips.length,
            stride: clips.stride,
            max_queries: self.options.rule.max_queries,
        };
        std::thread::scope(|scope| {
            let inputs = read_ahead(scope, frames, self.preparation())?;
            let clock = &self.clock.rle;
            let encode = move |frame: Waiting| clock.time(|| frame.encode());
            let workers = OrderedWorkers::start(scope, num_threads(), encode);
            let workers = workers.map_err(EngineError::Thread)?;
            let reader = MaskReader::new(self.model.device());
            let mut done = Finished { workers, reader, masks: None, each_frame, progress };
            self.track_inputs(&inputs, clips, rule, &mut done)
        })
    }

    fn track_inputs(
        &self,
        inputs: &Receiver<Result<Input, EngineError>>,
        clips: ClipOptions,
        rule: ClipRule,
        done: &mut Finished<'_>,
    ) -> Result<VideoPrediction, EngineError> {
        let first = inputs.recv().map_err(|_ended| EngineError::NoFrames)??;
        let geometry = FrameGeometry { input: frame_size(first.image.size), output: first.size };
        let plan = self.memory_plan(geometry, Some(rule.length));
        let mut video = ClipVideo::new(&self.model, geometry.input, rule)?;
        let mut inputs = std::iter::once(Ok(first)).chain(inputs);
        loop {
            self.check_stop()?;
            let at_once = plan.part(clips.frames_at_once, video.num_frames())?;
            video.set_frames_per_part(plan.part(FRAMES_PER_PART, video.num_frames())?);
            let part = inputs.by_ref().take(at_once).collect::<Result<Vec<_>, _>>()?;
            if part.is_empty() {
                break;
            }
            let finished = video.push(&self.upload(&part)?)?;
            (done.progress)(Progress::Encoded(video.num_frames()));
            for frame in finished {
                done.add(&frame, geometry, &|track| video.class_probs_of(track))?;
            }
            if clips.frames_at_once <= 1 {
                // Whoever takes frames one by one wants to see them as soon as they are there.
                done.wait()?;
            } else {
                done.take_ready()?;
            }
        }
        let num_frames = video.num_frames();
        let ClipVideoEnd { frames, class_probs } = video.finish()?;
        for frame in frames {
            done.add(&frame, geometry, &|track| class_probs.get(track).cloned())?;
        }
        done.wait()?;
        let threshold = self.options.rule.class_threshold;
        let detections = classify(class_probs.iter().map(Vec::as_slice), threshold);
        let size = geometry.output;
        let mut masks = done.masks.take().unwrap_or_else(|| TrackMasks::new(size));
        masks.reserve_tracks(class_probs.len());
        Ok(VideoPrediction { size, num_frames, masks, detections })
    }
}

/// A frame whose masks are being encoded.
struct Waiting {
    frame: usize,
    masks: FrameMasks,
    geometry: FrameGeometry,
    /// Indices and class probabilities.
    tracks: Vec<(usize, Vec<f32>)>,
}

impl Waiting {
    fn encode(self) -> TrackedFrame {
        let masks = self.masks.encode(self.geometry);
        let tracks = self.tracks.into_iter().zip(masks);
        let tracks =
            tracks.map(|((track, class_probs), mask)| TrackOnFrame { track, mask, class_probs });
        TrackedFrame { frame: self.frame, tracks: tracks.collect() }
    }
}

/// Where finished frames go.
struct Finished<'a> {
    workers: OrderedWorkers<Waiting, TrackedFrame>,
    reader: MaskReader,
    masks: Option<TrackMasks>,
    each_frame: &'a mut dyn FnMut(&TrackedFrame) -> Result<(), AnyError>,
    progress: &'a mut dyn FnMut(Progress),
}

impl Finished<'_> {
    /// Hands a frame to the threads that encode masks, and on what comes out of them.
    fn add(
        &mut self,
        frame: &FinishedFrame,
        geometry: FrameGeometry,
        class_probs: &dyn Fn(usize) -> Option<Vec<f32>>,
    ) -> Result<(), EngineError> {
        let with_probs = |&track: &usize| (track, class_probs(track).unwrap_or_default());
        let waiting = Waiting {
            frame: frame.frame,
            masks: out_of_memory("masks", || self.reader.read(&frame.mask_logits, geometry))??,
            geometry,
            tracks: frame.tracks.iter().map(with_probs).collect(),
        };
        self.masks.get_or_insert_with(|| TrackMasks::new(geometry.output));
        match self.workers.push(waiting) {
            Some(tracked) => self.hand_on(&tracked),
            None => Ok(()),
        }
    }

    /// Hands on the frames that are encoded.
    fn take_ready(&mut self) -> Result<(), EngineError> {
        while let Some(tracked) = self.workers.try_next() {
            self.hand_on(&tracked)?;
        }
        Ok(())
    }

    /// Hands on all frames.
    fn wait(&mut self) -> Result<(), EngineError> {
        while let Some(tracked) = self.workers.next() {
            self.hand_on(&tracked)?;
        }
        Ok(())
    }

    fn hand_on(&mut self, tracked: &TrackedFrame) -> Result<(), EngineError> {
        (self.each_frame)(tracked).map_err(EngineError::Output)?;
        (self.progress)(Progress::Masks(tracked.frame + 1));
        if let Some(masks) = &mut self.masks {
            masks.push_frame(tracked.tracks.iter().map(|found| (found.track, &found.mask)));
        }
        Ok(())
    }
}
