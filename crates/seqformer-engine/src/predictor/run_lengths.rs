//! From masks in plain memory to run lengths, on threads of their own, and on to whoever wants the frames.

use std::thread::Scope;

use seqformer_masks::Rle;

use super::clock::PipelineClock;
use super::drive::{MaskSink, MaskedFrame};
use super::geometry::FrameGeometry;
use super::ordered_workers::OrderedWorkers;
use super::{AnyError, Progress, num_threads};
use crate::{EngineError, TrackMasks};

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

/// What is done with frames whose run lengths are made.
pub(super) struct OnFrame<'a> {
    /// Called with every frame, in order.
    pub(super) each_frame: &'a mut dyn FnMut(&TrackedFrame) -> Result<(), AnyError>,
    pub(super) progress: &'a mut dyn FnMut(Progress),
    /// Whether frames are waited for as soon as they are handed in.
    pub(super) live: bool,
}

/// Keeps the run lengths of a video.
pub(super) struct RunLengths<'a> {
    workers: OrderedWorkers<MaskedFrame, TrackedFrame>,
    masks: TrackMasks,
    keeps_masks: bool,
    on_frame: OnFrame<'a>,
}

impl<'a> RunLengths<'a> {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// If the system has no more threads.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        clock: &'scope PipelineClock,
        geometry: FrameGeometry,
        on_frame: OnFrame<'a>,
    ) -> Result<Self, EngineError> {
        let encode = move |frame: MaskedFrame| clock.rle.time(|| frame.encode(geometry));
        let workers = OrderedWorkers::start(scope, num_threads(), encode);
        let workers = workers.map_err(EngineError::Thread)?;
        Ok(Self { workers, masks: TrackMasks::new(geometry.output), keeps_masks: true, on_frame })
    }

    /// The same, but masks are only handed on: the memory does not grow with the video.
    pub(super) fn without_keeping(self) -> Self {
        Self { keeps_masks: false, ..self }
    }

    /// Waits for all frames and gives their masks, of so many tracks.
    ///
    /// # Errors
    ///
    /// If a frame cannot be handed on.
    pub(super) fn finish(mut self, num_tracks: usize) -> Result<TrackMasks, EngineError> {
        self.wait()?;
        self.masks.reserve_tracks(num_tracks);
        Ok(self.masks)
    }

    fn wait(&mut self) -> Result<(), EngineError> {
        while let Some(tracked) = self.workers.next() {
            self.hand_on(&tracked)?;
        }
        Ok(())
    }

    fn hand_on(&mut self, tracked: &TrackedFrame) -> Result<(), EngineError> {
        (self.on_frame.each_frame)(tracked).map_err(EngineError::Output)?;
        (self.on_frame.progress)(Progress::Masks(tracked.frame + 1));
        if self.keeps_masks {
            self.masks.push_frame(tracked.tracks.iter().map(|found| (found.track, &found.mask)));
        }
        Ok(())
    }
}

impl MaskSink for RunLengths<'_> {
    fn reached(&mut self, progress: Progress) {
        (self.on_frame.progress)(progress);
    }

    fn take(&mut self, frame: MaskedFrame) -> Result<(), EngineError> {
        match self.workers.push(frame) {
            Some(tracked) => self.hand_on(&tracked),
            None => Ok(()),
        }
    }

    fn end_batch(&mut self) -> Result<(), EngineError> {
        if self.on_frame.live {
            return self.wait();
        }
        while let Some(tracked) = self.workers.try_next() {
            self.hand_on(&tracked)?;
        }
        Ok(())
    }
}

impl MaskedFrame {
    /// The run lengths of all masks.
    fn encode(self, geometry: FrameGeometry) -> TrackedFrame {
        let masks = self.masks.encode(geometry);
        let tracks = self.tracks.into_iter().zip(masks);
        let tracks =
            tracks.map(|((track, class_probs), mask)| TrackOnFrame { track, mask, class_probs });
        TrackedFrame { frame: self.frame, tracks: tracks.collect() }
    }
}
