//! What a scene says of its objects.

/// An object of a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SceneObject {
    /// Its contiguous category.
    pub category: usize,
    /// Whether it stands for a group of objects; only objects of the picture in the back do.
    pub is_crowd: bool,
    /// Its picture, counted from 0.
    pub record: usize,
    /// Its place among the objects of that picture, counted from 0.
    pub track: usize,
}
