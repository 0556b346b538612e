//! Reading folders of frames.

use std::path::{Path, PathBuf};

use seqformer_annotations::Fault;
use seqformer_masks::ImageSize;

use super::frame::{Frame, LabelledShape};
use super::{LABELS, Labelme};
use crate::builder::{Classes, Seen, TrackBuilder};
use crate::dataset::{Dataset, Occlusion, Video};
use crate::interface::{ReadOptions, Reader};
use crate::names::{self, Unique};
use crate::{ConvertError, Notes, pictures, text_file};

/// Finds the folders with JSON files, with the names of the videos.
fn find(
    folder: &Path,
    name: &str,
    found: &mut Vec<(String, Vec<PathBuf>)>,
) -> Result<(), ConvertError> {
    let files = pictures::list_files(folder, "json")?;
    if !files.is_empty() {
        found.push((name.to_owned(), files));
    }
    for path in pictures::list(folder)?.iter().filter(|path| path.is_dir()) {
        let own = path.file_name().unwrap_or_default().to_string_lossy();
        let inner = if name.is_empty() { own.into_owned() } else { format!("{name}/{own}") };
        find(path, &inner, found)?;
    }
    Ok(())
}

impl Reader for Labelme {
    fn read(
        &self,
        input: &Path,
        _options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        let mut folders = Vec::new();
        if input.is_dir() {
            find(input, "", &mut folders)?;
        } else {
            folders.push((String::new(), vec![input.to_path_buf()]));
        }
        if folders.is_empty() {
            let fault =
                Fault::new("", "JSON files of labelme", "none", "give the folder that holds them");
            return Err(ConvertError::wrong(input, "the whole folder", fault));
        }
        let mut classes = Classes::default();
        let labels = input.join(LABELS);
        if labels.is_file() {
            let text = text_file::read(&labels)?;
            let names = text.lines().filter(|line| {
                !line.is_empty() && !line.starts_with("__") && *line != "_background_"
            });
            names.for_each(|name| {
                classes.id(name);
            });
        }
        let (mut videos, mut unique) = (Vec::new(), Unique::default());
        for (folder, files) in folders {
            let frames: Vec<Frame> = files
                .iter()
                .map(|path| Frame::read(path, notes))
                .collect::<Result<_, ConvertError>>()?;
            let has_groups =
                frames.iter().flat_map(|frame| &frame.shapes).any(|shape| shape.group.is_some());
            let groups: Vec<Vec<Frame>> = if has_groups {
                vec![frames]
            } else {
                frames.into_iter().map(|frame| vec![frame]).collect()
            };
            for frames in groups {
                let id = videos.len() as i64 + 1;
                let video = video(id, &folder, frames, &mut classes, notes)?;
                videos.push(Video { name: unique.take(video.name), ..video });
            }
        }
        Ok(Dataset { categories: classes.finish(), videos })
    }
}

fn video(
    id: i64,
    folder: &str,
    frames: Vec<Frame>,
    classes: &mut Classes,
    notes: &mut Notes,
) -> Result<Video, ConvertError> {
    let size = frames.first().map_or(ImageSize { height: 1, width: 1 }, |frame| frame.size);
    if let Some(other) = frames.iter().find(|frame| frame.size != size) {
        let expected = format!("the size of the first frame of the folder, {size}");
        let mend = "frames of a video have one size: put single images into folders of their own, or remove their groups";
        let fault = Fault::new("imageHeight, imageWidth", expected, other.size.to_string(), mend);
        return Err(ConvertError::wrong(&other.path, "the whole file", fault));
    }
    let in_folder = |image: &str| {
        if folder.is_empty() { image.to_owned() } else { format!("{folder}/{image}") }
    };
    let file_names: Vec<String> = frames.iter().map(|frame| in_folder(&frame.image)).collect();
    let length = frames.len();
    let name = if length == 1 {
        names::of_image(file_names.first().map(String::as_str), id)
    } else {
        names::of_video(Some(&file_names), id)
    };
    let mut builder = TrackBuilder::new(size, name.clone());
    let shapes: Vec<(usize, LabelledShape)> = frames
        .into_iter()
        .enumerate()
        .flat_map(|(frame, read)| read.shapes.into_iter().map(move |shape| (frame, shape)))
        .collect();
    // Shapes without a group come last, so that they get numbers that no group has.
    let (grouped, single): (Vec<_>, Vec<_>) =
        shapes.into_iter().partition(|(_, shape)| shape.group.is_some());
    for (frame, shape) in grouped.into_iter().chain(single) {
        if shape.group.is_none() && length > 1 {
            notes.count("objects have no group_id: each is an object of one frame", || {
                format!("{name} on frame {frame}")
            });
        }
        let seen = Seen {
            id: shape.group.unwrap_or_else(|| builder.unused_id()),
            frame,
            category_id: classes.id(&shape.label),
            shape: shape.shape,
            occlusion: shape.is_occluded.then_some(Occlusion::Slight),
            is_crowd: shape.is_crowd,
            is_ignored: shape.is_ignored,
        };
        builder.add(seen, notes);
    }
    Ok(builder.into_video(id, name, file_names))
}
