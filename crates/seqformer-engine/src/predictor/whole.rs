//! Whole videos: all frames through the network first, then the masks of the best queries.

use std::sync::mpsc::Receiver;
use std::thread::Scope;

use seqformer::inference::{DecodedVideo, Selection, WholeVideo};
use seqformer_masks::{ImageSize, Rle};

use super::frame_masks::FrameGeometry;
use super::mask_reader::{FrameMasks, MaskReader};
use super::read_ahead::Input;
use super::{OrderedWorkers, Predictor, Progress, frame_size, num_threads};
use crate::device::out_of_memory;
use crate::{EngineError, TrackMasks};

impl Predictor {
    /// Takes all frames through the network, some at a time.
    pub(super) fn read_whole(
        &self,
        inputs: Receiver<Result<Input, EngineError>>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(WholeVideo<'_>, ImageSize), EngineError> {
        let first = inputs.recv().map_err(|_ended| EngineError::NoFrames)??;
        let (input, output) = (frame_size(first.image.size), first.size);
        let plan = self.memory_plan(FrameGeometry { input, output }, None);
        let mut video = WholeVideo::new(&self.model, input);
        let mut inputs = std::iter::once(Ok(first)).chain(inputs).peekable();
        let mut num_read = 0;
        while inputs.peek().is_some() {
            self.check_stop()?;
            let part = inputs.by_ref().take(plan.part(self.frames_at_once(), num_read)?);
            let part = part.collect::<Result<Vec<_>, _>>()?;
            num_read += part.len();
            video.push(&self.upload(&part)?)?;
            progress(Progress::Encoded(num_read));
        }
        self.check_stop()?;
        Ok((video, output))
    }

    /// Masks of the selected queries on every frame, at the size of the video.
    pub(super) fn masks_of<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        decoded: &DecodedVideo<'_>,
        selection: &Selection,
        geometry: FrameGeometry,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<TrackMasks, EngineError> {
        let clock = &self.clock.rle;
        let encode = move |masks: FrameMasks| clock.time(|| masks.encode(geometry));
        let mut workers =
            OrderedWorkers::start(scope, num_threads(), encode).map_err(EngineError::Thread)?;
        let mut masks = TrackMasks::new(geometry.output);
        masks.reserve_tracks(selection.queries.len());
        let mut add = |codes: Vec<Rle>| {
            masks.push_frame(codes.iter().enumerate());
            progress(Progress::Masks(masks.num_frames()));
        };
        let mut reader = MaskReader::new(self.model.device());
        for part in 0..decoded.num_parts() {
            self.check_stop()?;
            let logits = out_of_memory("masks", || decoded.mask_logits(&selection.queries, part))?;
            for frame in out_of_memory("masks", || reader.push(&logits, geometry))?? {
                workers.push(frame).into_iter().for_each(&mut add);
            }
        }
        for frame in reader.finish()? {
            workers.push(frame).into_iter().for_each(&mut add);
        }
        workers.for_each(add);
        Ok(masks)
    }
}
