//! Threads, precision and memory of the network.

use std::num::NonZeroUsize;

use anyhow::Result;
use seqformer_engine::{Device, PrecisionChoice, PredictorOptions, use_threads};
use seqformer_video::FfmpegLocation;

use crate::args::{self, ComputeArgs};

/// Sets the number of threads of the process, before any computation.
pub(crate) fn start(args: &ComputeArgs) -> NonZeroUsize {
    use_threads(args.threads)
}

/// ffmpeg with the requested number of threads.
pub(crate) fn ffmpeg(args: &ComputeArgs, location: FfmpegLocation) -> FfmpegLocation {
    match args.threads {
        Some(threads) => location.with_threads(threads),
        None => location,
    }
}

/// Adds precision and memory limit to the options of a prediction on `device`.
pub(crate) fn apply(
    args: &ComputeArgs,
    options: &mut PredictorOptions,
    device: Device,
) -> Result<()> {
    let choice = match args.precision {
        args::PrecisionChoice::F32 => PrecisionChoice::F32,
        args::PrecisionChoice::Tf32 => PrecisionChoice::Tf32,
        args::PrecisionChoice::Bf16 => PrecisionChoice::Bf16,
        args::PrecisionChoice::Auto => PrecisionChoice::Auto,
    };
    options.precision = choice.on(device)?;
    options.max_memory = args.max_memory;
    Ok(())
}
