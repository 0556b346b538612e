//! What is said when a device has no memory for a training step.

use seqformer_libtorch::out_of_memory::{OutOfMemory, catch_out_of_memory};
use seqformer_masks::ImageSize;

use crate::EngineError;
use crate::collate::TrainClip;

/// Runs a part of a training step; that the device has no memory left becomes the one error that names the batch.
///
/// The parameters are as they were before the step, unless the optimizer was moving them. Checkpoints are whole in any
/// case.
///
/// # Errors
///
/// Those of `work`.
pub(super) fn with_memory_for<R>(
    iteration: u64,
    clips: &[TrainClip],
    work: impl FnOnce() -> Result<R, EngineError>,
) -> Result<R, EngineError> {
    let named = |error: OutOfMemory| EngineError::TrainingMemory {
        iteration,
        clips: clips.iter().map(describe).collect::<Vec<_>>().join("; "),
        message: error.message,
    };
    match catch_out_of_memory(work) {
        Ok(Err(error)) => match OutOfMemory::of(&error.to_string()) {
            Some(error) => Err(named(error)),
            None => Err(error),
        },
        Ok(done) => done,
        Err(error) => Err(named(error)),
    }
}

fn describe(clip: &TrainClip) -> String {
    let frames = clip.frames.size().first().copied().unwrap_or(0);
    let (ImageSize { height, width }, instances) = (clip.target.size, clip.target.num_instances());
    format!("{} ({frames} frames of {height}x{width}, {instances} instances)", clip.name)
}

#[cfg(test)]
mod tests {
    use seqformer::{ClipTarget, ModelError};
    use tch::{Device, Kind, Tensor};

    use super::*;

    fn clip() -> TrainClip {
        let on = (Kind::Float, Device::Cpu);
        TrainClip {
            frames: Tensor::zeros([5, 3, 48, 64], on),
            target: ClipTarget {
                labels: vec![1, 2],
                boxes: Tensor::zeros([2, 5, 4], on),
                masks: Tensor::zeros([2, 5, 48, 64], on),
                size: ImageSize { height: 48, width: 64 },
                exhaustive: None,
            },
            name: "video 7 frames 1,2,3,4,5".to_owned(),
        }
    }

    fn torch() -> tch::TchError {
        tch::TchError::Torch("CUDA out of memory. Tried to allocate 2 GiB\nframe #0".to_owned())
    }

    #[test]
    fn without_memory_the_batch_is_named_however_libtorch_says_it() {
        let panics = || -> Result<(), EngineError> {
            let failed: Result<(), _> = std::iter::once(Err(torch())).collect();
            failed.unwrap();
            Ok(())
        };
        let fails = || -> Result<(), EngineError> { Err(torch().into()) };
        let clips = [clip(), clip()];
        let errors = [with_memory_for(12, &clips, panics), with_memory_for(12, &clips, fails)];
        for error in errors {
            let error = error.unwrap_err().to_string();
            let clip = "video 7 frames 1,2,3,4,5 (5 frames of 48x64, 2 instances)";
            let start =
                format!("iteration 12: the device ran out of memory for {clip}; {clip}: CUDA");
            assert!(error.starts_with(&start), "{error}");
            for key in ["SOLVER.MICRO_BATCH_SIZE", "SOLVER.ACTIVATION_CHECKPOINTING"] {
                assert!(error.contains(key), "{error}");
            }
            assert!(!error.contains("frame #0"), "{error}");
        }
    }

    #[test]
    fn other_errors_and_results_stay_as_they_are() {
        assert_eq!(with_memory_for(0, &[], || Ok(3)).unwrap(), 3);
        let fails = || -> Result<(), EngineError> {
            Err(ModelError::Torch { message: "the device is lost".to_owned() }.into())
        };
        let error = with_memory_for(0, &[clip()], fails).unwrap_err().to_string();
        assert_eq!(error, "libtorch: the device is lost");
    }
}
