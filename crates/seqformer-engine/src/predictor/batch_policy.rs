//! How many frames go together: the one place that decides it.

use seqformer::inference::FRAMES_PER_PART;
use tch::Device;

use super::memory_plan::{AT_ONCE, MemoryPlan};
use crate::EngineError;

/// Frames of a whole video on a GPU, if it has the memory: the cells of fewer do not fill it.
const AT_ONCE_ON_GPU: usize = 36;
/// Frames that are read before clips go on, where the video can be read ahead.
const READ_FOR_CLIPS: usize = 4;

/// The most frames that go together, and the memory that they must fit in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BatchPolicy {
    most: Batch,
    /// None: the frames are few, and nothing is planned.
    plan: Option<MemoryPlan>,
}

/// The next frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    /// Frames that are read before the network runs.
    pub(super) read: usize,
    /// Frames that go through the network together; a pass over clips reads some now and needs others of before.
    pub(super) encoded: usize,
}

impl BatchPolicy {
    /// All frames of a video on their way to one decoder.
    pub(super) fn whole(device: Device, plan: MemoryPlan) -> Self {
        let frames = if device.is_cuda() { AT_ONCE_ON_GPU } else { AT_ONCE };
        Self { most: Batch { read: frames, encoded: frames }, plan: Some(plan) }
    }

    /// Clips of a video; of a `live` one every frame is seen as soon as it is there.
    pub(super) fn clips(live: bool, plan: MemoryPlan) -> Self {
        let read = if live { 1 } else { READ_FOR_CLIPS };
        Self { most: Batch { read, encoded: FRAMES_PER_PART }, plan: Some(plan) }
    }

    /// A single image.
    pub(super) fn image() -> Self {
        Self { most: Batch { read: 1, encoded: 1 }, plan: None }
    }

    /// The frames that go next, when `done` frames are behind.
    ///
    /// # Errors
    ///
    /// If the memory that was allowed has no room for one more.
    pub(super) fn next(&self, done: usize) -> Result<Batch, EngineError> {
        let Some(plan) = &self.plan else { return Ok(self.most) };
        let Batch { read, encoded } = self.most;
        Ok(Batch { read: plan.batch_size(read, done)?, encoded: plan.batch_size(encoded, done)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_and_sources_say_how_many_frames_go_together() {
        let next = |policy: BatchPolicy| {
            let Batch { read, encoded } = policy.next(0).unwrap();
            (read, encoded)
        };
        let plan = MemoryPlan::unlimited();
        assert_eq!(next(BatchPolicy::whole(Device::Cpu, plan)), (5, 5));
        assert_eq!(next(BatchPolicy::whole(Device::Cuda(0), plan)), (36, 36));
        assert_eq!(next(BatchPolicy::clips(false, plan)), (4, 8));
        assert_eq!(next(BatchPolicy::clips(true, plan)), (1, 8));
        assert_eq!(next(BatchPolicy::image()), (1, 1));
    }
}
