//! Decodes and resizes frames on a separate thread, a few ahead of the network.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, Scope};

use seqformer_data::{RgbImage, resize_bilinear, shortest_edge_size};
use seqformer_masks::ImageSize;

use super::clock::PipelineClock;
use crate::EngineError;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Maximum number of frames that wait for the network.
pub(super) const FRAMES_AHEAD: usize = 8;

/// A frame as the network's input.
#[derive(Debug)]
pub(super) struct Input {
    /// At the size of the network's input.
    pub(super) image: RgbImage,
    /// Size before resizing.
    pub(super) size: ImageSize,
}

/// What happens to a frame before the network.
#[derive(Debug, Clone, Copy)]
pub(super) struct Preparation<'a> {
    pub(super) short_edge: u32,
    pub(super) max_size: u32,
    pub(super) clock: &'a PipelineClock,
}

impl Preparation<'_> {
    /// The network's input for a frame: its size by the rule of the test mapper.
    pub(super) fn resize(&self, frame: RgbImage) -> RgbImage {
        let size = shortest_edge_size(frame.size, self.short_edge, self.max_size);
        if size == frame.size {
            return frame;
        }
        self.clock.resize.time(|| resize_bilinear(&frame, size))
    }

    /// Checks the size of a frame against that of the first, and resizes it.
    fn prepare(
        &self,
        frame: Result<RgbImage, AnyError>,
        index: usize,
        first: &mut Option<ImageSize>,
    ) -> Result<Input, EngineError> {
        let frame = frame.map_err(EngineError::Frame)?;
        let size = frame.size;
        let expected = *first.get_or_insert(size);
        if size != expected {
            return Err(EngineError::FrameSize { index, expected, found: size });
        }
        Ok(Input { image: self.resize(frame), size })
    }
}

/// Takes frames from the iterator on a thread, until there are no more, one fails, or the receiver is dropped.
pub(super) fn read_ahead<'scope>(
    scope: &'scope Scope<'scope, '_>,
    frames: impl Iterator<Item = Result<RgbImage, AnyError>> + Send + 'scope,
    preparation: Preparation<'scope>,
) -> Result<Receiver<Result<Input, EngineError>>, EngineError> {
    let (sender, receiver) = sync_channel(FRAMES_AHEAD);
    let run = move || {
        let (mut frames, mut first) = (frames, None);
        for index in 0.. {
            let Some(frame) = preparation.clock.read.time(|| frames.next()) else { return };
            let input = preparation.prepare(frame, index, &mut first);
            let is_last = input.is_err();
            if sender.send(input).is_err() || is_last {
                return;
            }
        }
    };
    let thread = Builder::new().name("frames".to_owned()).spawn_scoped(scope, run);
    thread.map_err(EngineError::Thread)?;
    Ok(receiver)
}
