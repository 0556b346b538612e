//! Videos of a YouTube-VIS file.

use seqformer_masks::ImageSize;
use serde_json::Value;

use crate::entry::Entry;
use crate::exhaustive::LabelLists;
use crate::value::describe;
use crate::{Fault, Id};

/// A video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Video {
    /// The number by which annotations and results refer to it.
    pub id: i64,
    /// Height and width of its frames.
    pub size: ImageSize,
    /// Number of frames.
    pub length: usize,
    /// The image files of its frames, if the file lists them; there may be more or fewer.
    pub file_names: Option<Box<[Box<str>]>>,
    /// The categories of which every object is annotated, in order; `None` if all of them are.
    pub exhaustive: Option<Box<[i64]>>,
    /// Its index in the list.
    pub index: usize,
}

pub(super) fn parse_video(text: &[u8]) -> Result<(Id, Video, LabelLists), Fault> {
    let entry = Entry::parse(text)?;
    let id = entry.id("id")?;
    let size = entry.size()?.ok_or_else(|| {
        let mend = "write the height and width of the image files";
        Fault::new("height, width", "a number of pixels of 1 or more", "no such fields", mend)
    })?;
    let file_names = entry.get("file_names").map(read_file_names).transpose()?;
    let length = match (entry.count("length")?, &file_names) {
        (Some(length), _) => length as usize,
        (None, Some(names)) => names.len(),
        (None, None) => {
            let found = "neither it nor file_names";
            let mend = "write the number of frames";
            return Err(Fault::new("length", "a whole number of 0 or more", found, mend));
        }
    };
    let video = Video { id: 0, size, length, file_names, exhaustive: None, index: 0 };
    Ok((id, video, LabelLists::read(&entry)?))
}

fn read_file_names(value: &Value) -> Result<Box<[Box<str>]>, Fault> {
    let Value::Array(names) = value else {
        let mend = "write the image file of every frame in square brackets";
        return Err(Fault::new("file_names", "a list of texts", describe(value), mend));
    };
    let name = |(frame, name): (usize, &Value)| {
        name.as_str().map(Box::from).ok_or_else(|| {
            let field = format!("file_names[{frame}]");
            Fault::new(field, "a text", describe(name), "write it in quotes")
        })
    };
    names.iter().enumerate().map(name).collect()
}
