//! How the network is run: threads, precision and memory.

use std::num::NonZeroUsize;

use seqformer::Precision;
use seqformer_engine::{PredictorOptions, use_threads};
use seqformer_video::FfmpegLocation;

use crate::args::{ComputeArgs, PrecisionChoice};

/// Flags of `/proc/cpuinfo` for processors that multiply bf16 themselves: Intel's tiles, AVX-512, and Arm's.
const BF16_FLAGS: [&str; 3] = ["amx_bf16", "avx512_bf16", "bf16"];

impl ComputeArgs {
    /// Sets the threads of the process, before anything is computed.
    pub(crate) fn start(&self) -> NonZeroUsize {
        use_threads(self.threads)
    }

    /// ffmpeg with the threads that were asked for.
    pub(crate) fn ffmpeg(&self, location: FfmpegLocation) -> FfmpegLocation {
        match self.threads {
            Some(threads) => location.with_threads(threads),
            None => location,
        }
    }

    /// Adds precision and memory to the options of a prediction.
    pub(crate) fn apply(&self, options: &mut PredictorOptions) {
        options.precision = self.precision();
        options.max_memory = self.max_memory;
    }

    /// The numbers that the network computes in.
    pub(crate) fn precision(&self) -> Precision {
        let bf16 = match self.precision {
            PrecisionChoice::F32 => false,
            PrecisionChoice::Bf16 => true,
            PrecisionChoice::Auto => multiplies_bf16(),
        };
        if bf16 { Precision::Bf16 } else { Precision::F32 }
    }
}

/// Whether the processor has instructions for products of bf16.
pub(crate) fn multiplies_bf16() -> bool {
    cpu_field(&["flags", "Features"])
        .is_some_and(|flags| flags.split_whitespace().any(|flag| BF16_FLAGS.contains(&flag)))
}

/// The first value in `/proc/cpuinfo` under one of these names; none on other systems.
pub(crate) fn cpu_field(names: &[&str]) -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let mut found = fields.filter(|(name, _)| names.contains(&name.trim()));
    found.next().map(|(_, value)| value.trim().to_owned())
}
