//! labelme: a JSON file for each frame, beside its image; `group_id` is the object.
//!
//! The frames of a folder whose objects have groups are a video; otherwise they are single images. Shapes of one frame
//! with one group are parts of one object. Marks stand in the `flags` of a shape, as `crowd`, `ignored` and `occluded`.
//!
//! Reference: labelme's `label_file.py` and its examples of instance segmentation.

mod frame;
mod read;
mod write;

/// The format.
#[derive(Debug)]
pub(crate) struct Labelme;

/// The names of the classes in their order, as labelme takes them with `--labels`.
const LABELS: &str = "labels.txt";

#[cfg(test)]
mod tests;
