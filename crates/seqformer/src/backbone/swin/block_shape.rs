//! The numbers of a block and of its attention.

/// What differs between the blocks of a network.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockShape {
    pub(super) channels: i64,
    pub(super) num_heads: i64,
    pub(super) window_size: i64,
    /// How far its windows are shifted, in tokens.
    pub(super) shift: i64,
    /// Share of images for which training leaves a branch out.
    pub(super) drop_path: f64,
}
