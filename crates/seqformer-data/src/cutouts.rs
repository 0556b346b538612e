//! Moving cut-outs: videos composed of annotated pictures.
//!
//! Objects of some pictures are cut out and move over another picture, in front of which a camera
//! moves. Identities, masks and occlusion are known exactly. The objects of the picture in the back
//! stay annotated and move with the camera.
//!
//! In the spirit of "Simple Copy-Paste" (arXiv:2012.07177), with motion; there is no reference
//! implementation. A [`CutoutPool`] knows which objects can be cut out, and a [`CutoutScene`] is a
//! drawn video, whose frames are rendered one by one. Only exact arithmetic is used, so a seed gives
//! the same pixels on every machine.

mod affine_map;
mod camera;
mod curve;
mod layer;
mod matte;
mod motion;
mod picture;
mod pool;
mod render;
mod scene;
mod scene_object;

pub use pool::{CutoutPool, LeftOutObjects};
pub use render::CutoutFrame;
pub use scene::{CutoutScene, SceneSettings};
pub use scene_object::SceneObject;

#[cfg(test)]
mod tests;
