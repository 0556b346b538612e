//! Batch sizes of predictions. `memory_plan` lowers them to fit a memory limit, and `split_on_oom` when a device runs out of
//! memory.

use seqformer::inference::FRAMES_PER_PART;
use tch::Device;

use super::memory_plan::{AT_ONCE, MemoryPlan};
use crate::EngineError;

/// Batch size for whole videos on a GPU, if it has the memory: fewer frames do not keep it busy.
const AT_ONCE_ON_GPU: usize = 36;
/// Frames that are read at once for clips, if the video can be read ahead.
const READ_FOR_CLIPS: usize = 4;

/// The maximum batch size, and the memory plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BatchPolicy {
    most: Batch,
    /// `None` if there are so few frames that nothing is planned.
    plan: Option<MemoryPlan>,
}

/// The size of the next batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    /// Frames that are read before the network runs.
    pub(super) read: usize,
    /// Frames that go through the network together; with clips, some frames are read now and others were read before.
    pub(super) encoded: usize,
}

impl BatchPolicy {
    /// All frames of a video for a single decoder pass.
    pub(super) fn whole(device: Device, plan: MemoryPlan) -> Self {
        let frames = if device.is_cuda() { AT_ONCE_ON_GPU } else { AT_ONCE };
        Self { most: Batch { read: frames, encoded: frames }, plan: Some(plan) }
    }

    /// Clips of a video; with `live`, every frame is processed as soon as it is available.
    pub(super) fn clips(live: bool, plan: MemoryPlan) -> Self {
        let read = if live { 1 } else { READ_FOR_CLIPS };
        Self { most: Batch { read, encoded: FRAMES_PER_PART }, plan: Some(plan) }
    }

    /// A single image.
    pub(super) fn image() -> Self {
        Self { most: Batch { read: 1, encoded: 1 }, plan: None }
    }

    /// The next batch, after `done` frames.
    ///
    /// # Errors
    ///
    /// If the memory limit has no room for another frame.
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
