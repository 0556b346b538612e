//! The sizes of a block and of its attention.

/// The sizes that differ between blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockShape {
    pub(super) channels: i64,
    pub(super) num_heads: i64,
    pub(super) window_size: i64,
    /// Shift of its windows in tokens.
    pub(super) shift: i64,
    /// Probability of dropping a branch for an image in training (stochastic depth).
    pub(super) drop_path: f64,
}
