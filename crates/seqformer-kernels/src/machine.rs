//! What kernels run on.

use std::sync::OnceLock;

use crate::instruction_set::InstructionSet;
use crate::products::BlockProducts;
#[cfg(target_arch = "x86_64")]
use crate::simd::is_faster_than_pairs;
use crate::threads::Threads;

/// The instruction set, threads and products that a kernel uses.
#[derive(Debug, Clone, Copy)]
pub struct Machine<'a> {
    /// The instruction set.
    pub set: InstructionSet,
    /// The thread pool.
    pub threads: &'a dyn Threads,
    /// Block products for which this crate has no code.
    pub products: &'a dyn BlockProducts,
}

impl<'a> Machine<'a> {
    /// The fastest instruction set of this machine, with the threads and products of the program.
    pub fn new(threads: &'a dyn Threads, products: &'a dyn BlockProducts) -> Self {
        Self { set: fastest_set(), threads, products }
    }

    /// The same with another instruction set.
    #[must_use]
    pub fn by(self, set: InstructionSet) -> Self {
        Self { set, ..self }
    }
}

/// The set that is fastest on this machine: the highest, unless a short measurement shows that its products of pairs of
/// bfloat16 numbers are slower than products of `f32`. It is measured once in a process.
pub fn fastest_set() -> InstructionSet {
    static FASTEST: OnceLock<InstructionSet> = OnceLock::new();
    *FASTEST.get_or_init(|| {
        let highest = InstructionSet::detect();
        #[cfg(target_arch = "x86_64")]
        if highest.multiplies_bf16_pairs() && is_faster_than_pairs(highest) {
            return highest.lowered().unwrap_or(highest);
        }
        highest
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_set_is_one_that_the_machine_has_and_stays_the_same() {
        let set = fastest_set();
        assert!(InstructionSet::available().any(|available| available == set));
        assert_eq!(fastest_set(), set);
        let gives_up_pairs = set != InstructionSet::detect();
        assert_eq!(set.widens_bf16(), gives_up_pairs, "{set:?}");
    }
}
