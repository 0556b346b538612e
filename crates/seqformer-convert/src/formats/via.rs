//! VGG Image Annotator: projects and exports of version 2, and projects of version 3; version 2 is written.
//!
//! Objects have free attributes, of which one is taken for the class, and one, if there
//! is any, for the number of the object in its video. Films of version 3 have shapes at times instead of frames, and
//! are left out.
//!
//! Reference: VIA's source, `via-2.x.y/via.js` and `via-3.x.y/src/js/_via_const.js`, `_via_import_export.js`.

mod pictures;
mod read;
mod version2;
mod version3;
mod write;

/// The format.
#[derive(Debug)]
pub(crate) struct Via;

/// The attributes of objects that are written.
const CLASS: &str = "class";
const OBJECT: &str = "object";
/// Attributes that mark an object, if they are [`YES`].
const MARKS: [&str; 3] = ["crowd", "ignored", "occluded"];
const YES: &str = "yes";
/// The attributes of pictures that are written.
const VIDEO: &str = "video";
const FRAME: &str = "frame";
const WIDTH: &str = "width";
const HEIGHT: &str = "height";

#[cfg(test)]
mod tests;
