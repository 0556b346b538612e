//! The shape of a backbone's maps, as the transformer needs it.

/// The shape of one output map of a backbone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShapeSpec {
    /// Channels of the map.
    pub channels: i64,
    /// Stride of the map in pixels.
    pub stride: i64,
}
