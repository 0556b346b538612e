//! Settings of the process that libtorch runs in.

use crate::machine::machine;
use crate::pool::{use_guarded_pool, use_pool};

/// The environment variable that puts guard pages around large tensors.
pub(crate) const GUARD_VARIABLE: &str = "SEQFORMER_GUARD_POOL";

/// Reuses the memory of freed large tensors instead of returning it to the system, because the system zeroes fresh
/// pages one by one, which takes longer than many layers.
///
/// The memory in use and kept is at most 1.5 times the peak of the memory in use; above 512 MiB, at most 256 MiB or
/// 25 % more than the peak, whichever is larger.
///
/// With the environment variable `SEQFORMER_GUARD_POOL=1` nothing is kept: every large tensor lies between inaccessible
/// pages, and the process crashes at the first access out of bounds or after free. This is slow and meant for
/// debugging.
pub fn keep_freed_memory() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| if is_guarded() { use_guarded_pool() } else { use_pool() });
}

/// The instruction set of this crate's kernels: the name that `SEQFORMER_INSTRUCTION_SET` takes.
pub fn instruction_set() -> &'static str {
    machine().set.name()
}

/// Whether large tensors get guard pages.
pub(crate) fn is_guarded() -> bool {
    std::env::var_os(GUARD_VARIABLE).is_some_and(|value| value == "1")
}
