//! What kernels run on.

use crate::instruction_set::InstructionSet;
use crate::products::BlockProducts;
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
        Self { set: InstructionSet::fastest(), threads, products }
    }

    /// The same with another instruction set.
    #[must_use]
    pub fn by(self, set: InstructionSet) -> Self {
        Self { set, ..self }
    }
}
