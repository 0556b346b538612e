//! What the transformer has to know of a backbone's maps.

/// What one output map of a backbone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShapeSpec {
    /// Channels of the map.
    pub channels: i64,
    /// Pixels per cell, side by side.
    pub stride: i64,
}
