//! The instruction sets that kernels are compiled for, as proofs that this machine has them.

/// An instruction set of this machine.
///
/// Only detection constructs one, and only lower ones can be derived from it. A value is therefore a proof that the
/// machine has the instructions, and that code for them may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstructionSet(Level);

/// From lowest to highest; each includes all instructions of those below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// The baseline of this architecture.
    Baseline,
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, DQ, BW and VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// The same instructions as the next one, but bfloat16 numbers are multiplied as `f32`.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16Widened,
    /// AVX-512 and products of pairs of bfloat16 numbers.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
}

impl InstructionSet {
    /// The baseline, which every machine has.
    pub const BASELINE: Self = Self(Level::Baseline);

    /// The highest set of this machine.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let fma = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl");
            if fma && wide && is_x86_feature_detected!("avx512bf16") {
                return Self(Level::Avx512Bf16);
            }
            if fma && wide {
                return Self(Level::Avx512);
            }
            if fma {
                return Self(Level::Avx2);
            }
        }
        Self::BASELINE
    }

    /// The next lower set, which a machine with this one has as well.
    pub fn lowered(self) -> Option<Self> {
        match self.0 {
            Level::Baseline => None,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => Some(Self::BASELINE),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => Some(Self(Level::Avx2)),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512Bf16Widened => Some(Self(Level::Avx512)),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512Bf16 => Some(Self(Level::Avx512Bf16Widened)),
        }
    }

    /// All sets of this machine, highest first.
    pub fn available() -> impl Iterator<Item = Self> {
        std::iter::successors(Some(Self::detect()), |set| set.lowered())
    }

    /// Returns the name: `baseline`, `avx2`, `avx512`, `avx512_bf16_widened` or `avx512_bf16`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512Bf16Widened => "avx512_bf16_widened",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512Bf16 => "avx512_bf16",
        }
    }

    /// Returns the set of this name, or `None` if there is none or the machine lacks it.
    pub fn named(name: &str) -> Option<Self> {
        Self::available().find(|set| set.name() == name)
    }

    /// Whether the set includes AVX-512.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(crate) fn has_avx512(self) -> bool {
        self.0 >= Level::Avx512
    }

    /// Whether the set includes AVX-512 with instructions for bfloat16 numbers.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(crate) fn has_avx512_bf16(self) -> bool {
        self.0 >= Level::Avx512Bf16Widened
    }

    /// Whether bfloat16 numbers are multiplied as `f32` although there are instructions for them.
    pub fn widens_bf16(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return self.0 == Level::Avx512Bf16Widened;
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    /// Whether pairs of bfloat16 numbers are multiplied by one instruction.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(crate) fn multiplies_bf16_pairs(self) -> bool {
        self.0 >= Level::Avx512Bf16
    }
}

/// Work that is compiled for several instruction sets: `run` and everything that it calls must be `#[inline(always)]`,
/// or it stays baseline code.
pub(crate) trait Vectorized {
    /// Does the work; `FMA` says whether a fused multiply-add is a single instruction.
    fn run<const FMA: bool>(self);
}

/// Runs `work` in the code compiled for `set`.
#[inline]
pub(crate) fn run_vectorized(set: InstructionSet, work: impl Vectorized) {
    match set.0 {
        // SAFETY: `set` proves that the machine has these features.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512Bf16Widened | Level::Avx512Bf16 => unsafe { run_avx512_bf16(work) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { run_avx512(work) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { run_avx2(work) },
        Level::Baseline => work.run::<false>(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512bf16,avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
fn run_avx512_bf16(work: impl Vectorized) {
    work.run::<true>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
fn run_avx512(work: impl Vectorized) {
    work.run::<true>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2(work: impl Vectorized) {
    work.run::<true>();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_found_best_first_down_to_what_every_machine_has() {
        let sets: Vec<_> = InstructionSet::available().collect();
        assert_eq!(sets.first(), Some(&InstructionSet::detect()));
        assert_eq!(sets.last(), Some(&InstructionSet::BASELINE));
        assert!(sets.is_sorted_by(|a, b| a.0 > b.0), "{sets:?}");
    }

    #[test]
    fn a_set_is_found_by_its_name_and_nothing_by_another() {
        for set in InstructionSet::available() {
            assert_eq!(InstructionSet::named(set.name()), Some(set));
        }
        assert_eq!(InstructionSet::named("AVX2"), None);
        assert_eq!(InstructionSet::named(""), None);
    }
}
