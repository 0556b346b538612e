//! Time and memory of an iteration on this machine, and the batch that suits it.

/// An iteration may take this long, in seconds: progress stays visible, and a recipe's batch is halved until it does.
const MAX_SECONDS: f64 = 10.0;
/// Share of a GPU's memory that tensors may take.
const MEMORY_SHARE: f64 = 0.8;

/// Clips of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// `SOLVER.IMS_PER_BATCH`.
    pub clips: usize,
    /// `SOLVER.MICRO_BATCH_SIZE`: so many go through the network at once; 0 for all.
    pub micro: usize,
}

impl Batch {
    /// The batch that is measured first, and used where nothing can be measured: two clips, one after the other.
    pub const FIRST: Self = Self { clips: 2, micro: 1 };
}

/// The costs of an iteration, as measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Costs {
    /// The batch that was measured.
    pub batch: Batch,
    /// Seconds of an iteration.
    pub seconds: f64,
    /// How many iterations that is the mean of.
    pub num_timed: usize,
    /// Peak memory of the process, in MiB, where the system reports it.
    pub peak_mib: Option<f64>,
    /// The GPU, if the network ran on one.
    pub gpu: Option<Gpu>,
}

/// A GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpu {
    /// Its name.
    pub name: String,
    /// Peak size of all tensors, in MiB.
    pub peak_mib: f64,
    /// Its memory, in MiB.
    pub memory_mib: f64,
}

impl Costs {
    /// Returns the batch for this machine: the one that was `asked` for, or else that of the recipe, with no more clips than there
    /// are videos and halved until an iteration takes 10 seconds at most. A GPU processes as many clips at once as fit into its
    /// memory.
    ///
    /// The peak was measured with one clip at once. It includes weights and the state of the optimizer, which do not grow with
    /// the batch, so that multiples of it are an upper limit.
    pub fn batch_for(&self, recipe: usize, videos: usize, asked: Option<usize>) -> Batch {
        let clips = asked.unwrap_or_else(|| self.fast_enough(recipe.min(videos).max(1)));
        let Some(gpu) = &self.gpu else { return Batch { clips, micro: 1 } };
        let fitting = (MEMORY_SHARE * gpu.memory_mib / gpu.peak_mib.max(1.0)) as usize;
        Batch { clips, micro: if fitting >= clips { 0 } else { fitting.max(1) } }
    }

    /// Halves the number of clips until an iteration is short. On a GPU it may be even shorter, because clips that go through the
    /// network together take less time.
    fn fast_enough(&self, mut clips: usize) -> usize {
        let seconds_of_clip = self.seconds / self.batch.clips.max(1) as f64;
        while clips > 1 && clips as f64 * seconds_of_clip > MAX_SECONDS {
            clips /= 2;
        }
        clips
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs(seconds: f64, gpu: Option<(f64, f64)>) -> Costs {
        let gpu =
            gpu.map(|(peak_mib, memory_mib)| Gpu { name: "GPU".to_owned(), peak_mib, memory_mib });
        Costs { batch: Batch::FIRST, seconds, num_timed: 3, peak_mib: Some(4000.0), gpu }
    }

    #[test]
    fn a_batch_is_halved_until_an_iteration_is_short_and_memory_bounds_what_runs_at_once() {
        let cases = [
            // 3.5 s a clip on a CPU: two clips.
            (costs(7.0, None), 16, 100, Batch { clips: 2, micro: 1 }),
            (costs(0.2, None), 6, 100, Batch { clips: 6, micro: 1 }),
            (costs(0.2, None), 6, 4, Batch { clips: 4, micro: 1 }),
            (costs(90.0, None), 16, 100, Batch { clips: 1, micro: 1 }),
            // 5 GB a clip on a GPU of 24, 80 and 6 GB.
            (costs(0.4, Some((5_000.0, 24_000.0))), 16, 100, Batch { clips: 16, micro: 3 }),
            (costs(0.4, Some((5_000.0, 140_000.0))), 16, 100, Batch { clips: 16, micro: 0 }),
            (costs(0.4, Some((5_000.0, 6_000.0))), 16, 100, Batch { clips: 16, micro: 1 }),
        ];
        for (costs, recipe, videos, expected) in cases {
            assert_eq!(costs.batch_for(recipe, videos, None), expected, "{costs:?}");
        }
        let asked = costs(0.4, Some((5_000.0, 24_000.0))).batch_for(2, 100, Some(32));
        assert_eq!(asked, Batch { clips: 32, micro: 3 });
    }
}
