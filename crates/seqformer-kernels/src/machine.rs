//! What kernels run on.

use crate::instruction_set::InstructionSet;
use crate::products::BlockProducts;
use crate::threads::Threads;

/// The instructions, threads and products that a kernel uses.
#[derive(Debug, Clone, Copy)]
pub struct Machine<'a> {
    /// What the code runs in.
    pub set: InstructionSet,
    /// Who shares the work.
    pub threads: &'a dyn Threads,
    /// What multiplies blocks for which this crate has no code.
    pub products: &'a dyn BlockProducts,
}

impl<'a> Machine<'a> {
    /// The best instructions of this machine, with the threads and products of the program.
    pub fn new(threads: &'a dyn Threads, products: &'a dyn BlockProducts) -> Self {
        Self { set: InstructionSet::detect(), threads, products }
    }

    /// The same with other instructions.
    #[must_use]
    pub fn by(self, set: InstructionSet) -> Self {
        Self { set, ..self }
    }
}
