//! Images of a COCO file.

use seqformer_masks::ImageSize;

use crate::entry::Entry;
use crate::exhaustive::LabelLists;
use crate::value::whole_number;
use crate::{Fault, Id};

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The number by which annotations and results refer to it.
    pub id: i64,
    /// Its height and width; not needed if only boxes are compared.
    pub size: Option<ImageSize>,
    /// The image file.
    pub file_name: Option<Box<str>>,
    /// The video that contains this frame, if the file has one (`video_id`, as in CocoVID).
    pub video_id: Option<Id>,
    /// Its index in the video (`frame_id`, or `frame_index` of TAO).
    pub frame: Option<i64>,
    /// The categories of which every object is annotated, in order; `None` if all of them are.
    pub exhaustive: Option<Box<[i64]>>,
    /// Its index in the list.
    pub index: usize,
}

pub(super) fn parse_image(text: &[u8]) -> Result<(Id, Image, LabelLists), Fault> {
    let entry = Entry::parse(text)?;
    let id = entry.id("id")?;
    let size = entry.size()?;
    let file_name = entry.text("file_name")?.map(Box::from);
    let video_id = entry.id_if_any("video_id");
    let frame = ["frame_id", "frame_index"].iter().find_map(|field| entry.get(field));
    let frame = frame.and_then(whole_number);
    let image = Image { id: 0, size, file_name, video_id, frame, exhaustive: None, index: 0 };
    Ok((id, image, LabelLists::read(&entry)?))
}
