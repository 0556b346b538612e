//! Settings of the process that libtorch runs in.

use crate::pool::{use_guarded_pool, use_pool};

/// The environment variable by which large tensors are guarded.
pub(crate) const GUARD_VARIABLE: &str = "SEQFORMER_GUARD_POOL";

/// Keeps the memory of large tensors that are freed for the next ones, instead of returning every block to
/// the system: fresh pages are zeroed by the system one by one, which costs more than many a layer.
///
/// What is kept and in use together is at most half more than what was ever in use at once; above 512 MiB,
/// 256 MiB or a quarter more.
///
/// With the environment variable `SEQFORMER_GUARD_POOL=1` nothing is kept: every large tensor lies between
/// pages that nobody may touch, and the process ends at the first access outside of it or after it was freed.
/// This is a tool to find such accesses, not for production: it is slow.
pub fn keep_freed_memory() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| if is_guarded() { use_guarded_pool() } else { use_pool() });
}

/// Tells whether large tensors are to lie between guard pages.
pub(crate) fn is_guarded() -> bool {
    std::env::var_os(GUARD_VARIABLE).is_some_and(|value| value == "1")
}
