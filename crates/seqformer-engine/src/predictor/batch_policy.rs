//! Batch sizes of predictions. `memory_plan` lowers them to fit a memory limit, and `split_on_oom` when a device runs out of
//! memory.

use seqformer::inference::FRAMES_PER_PART;
use tch::Device;

use super::memory_plan::{AT_ONCE, MemoryPlan};
use crate::EngineError;

/// Batch sizes for whole videos on a GPU. There are few, because for each one algorithms are tried and a graph is
/// recorded. The largest that fits into memory keeps the GPU busy; the last frames of a video, and all of a short one,
/// are divided into the others, so that a part is copied while the one before it is computed.
const SIZES_ON_GPU: [usize; 4] = [36, 12, 4, 1];
/// Frames that are read at once for clips, if the video can be read ahead.
const READ_FOR_CLIPS: usize = 4;

/// The maximum batch size, and the memory plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BatchPolicy {
    most: Batch,
    /// `None` if there are so few frames that nothing is planned.
    plan: Option<MemoryPlan>,
    /// The only sizes of parts, descending; empty if any will do.
    sizes: &'static [usize],
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
        let sizes: &'static [usize] = if device.is_cuda() { &SIZES_ON_GPU } else { &[] };
        let frames = sizes.first().copied().unwrap_or(AT_ONCE);
        Self { most: Batch { read: frames, encoded: frames }, plan: Some(plan), sizes }
    }

    /// Clips of a video; with `live`, every frame is processed as soon as it is available.
    pub(super) fn clips(live: bool, plan: MemoryPlan) -> Self {
        let read = if live { 1 } else { READ_FOR_CLIPS };
        Self { most: Batch { read, encoded: FRAMES_PER_PART }, plan: Some(plan), sizes: &[] }
    }

    /// A single image.
    pub(super) fn image() -> Self {
        Self { most: Batch { read: 1, encoded: 1 }, plan: None, sizes: &[] }
    }

    /// The next batch, after `done` frames.
    ///
    /// # Errors
    ///
    /// If the memory limit has no room for another frame.
    pub(super) fn next(&self, done: usize) -> Result<Batch, EngineError> {
        let Some(plan) = &self.plan else { return Ok(self.most) };
        let Batch { read, encoded } = self.most;
        let size = |most| Ok::<_, EngineError>(self.size_within(plan.batch_size(most, done)?));
        Ok(Batch { read: size(read)?, encoded: size(encoded)? })
    }

    /// The parts in which frames that were read together go through the network.
    pub(super) fn parts(&self, frames: usize) -> Vec<usize> {
        let (mut parts, mut rest) = (Vec::new(), frames);
        while rest > 0 {
            let part = self.size_within(rest);
            parts.push(part);
            rest -= part;
        }
        parts
    }

    /// The largest size of at most so many frames.
    fn size_within(&self, frames: usize) -> usize {
        self.sizes.iter().copied().find(|size| *size <= frames).unwrap_or(frames)
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

    #[test]
    fn on_a_gpu_the_parts_of_all_videos_have_few_sizes() {
        let plan = MemoryPlan::unlimited();
        let on_gpu = BatchPolicy::whole(Device::Cuda(0), plan);
        assert_eq!(on_gpu.parts(36), [36]);
        assert_eq!(on_gpu.parts(30), [12, 12, 4, 1, 1]);
        for frames in 1..=36 {
            let parts = on_gpu.parts(frames);
            assert_eq!(parts.iter().sum::<usize>(), frames);
            assert!(parts.iter().all(|part| SIZES_ON_GPU.contains(part)), "{parts:?}");
        }
        // Too little memory for the largest size is no reason for another one.
        assert_eq!([35, 11, 3, 1].map(|fits| on_gpu.size_within(fits)), [12, 4, 1, 1]);
        assert_eq!(BatchPolicy::whole(Device::Cpu, plan).parts(4), [4]);
        assert_eq!(BatchPolicy::clips(false, plan).parts(3), [3]);
    }
}
