//! The sizes of deformable attention.

/// Height and width of one feature map, in cells.
///
/// Frames and masks have an `ImageSize` of `seqformer-masks`, in pixels, which kernels know nothing of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelSize {
    /// Rows.
    pub height: i64,
    /// Columns.
    pub width: i64,
}

impl LevelSize {
    /// The cells of this level, `H * W`.
    pub fn num_tokens(self) -> i64 {
        self.height * self.width
    }
}

/// The sizes of one call.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Clips, `N`.
    pub batch: usize,
    /// Tokens of all levels, `S`.
    pub tokens: usize,
    /// `M`
    pub heads: usize,
    /// Of a head, `D`.
    pub channels: usize,
    /// `Q`
    pub queries: usize,
    /// Of a query, head and level, `P`.
    pub points: usize,
    /// The maps, `L` of them.
    pub levels: Vec<LevelSize>,
}

impl Shape {
    /// Points of one query and head over all levels, `L * P`.
    pub fn samples(&self) -> usize {
        self.levels.len() * self.points
    }
}
