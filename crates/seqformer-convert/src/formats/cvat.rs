//! CVAT's XML, version 1.1: tasks of videos with tracks, and tasks of images.
//!
//! Reference: CVAT's documentation, "XML annotation format". A track lists shapes by frame; between two key frames its
//! box or polygon moves, and it stays until a shape says that it is outside.

mod meta;
mod read;
mod shapes;
mod write;

pub(crate) use read::Cvat;

#[cfg(test)]
mod tests;
