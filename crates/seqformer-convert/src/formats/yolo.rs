//! YOLO's segmentation labels: a text file for each image, a line for each object: class and polygon, in 0..1 of the image.
//!
//! There is no identity: frames of a video are single images. The names of classes stand in `data.yaml`.
//!
//! Reference: Ultralytics' documentation, "Instance Segmentation Datasets".

mod names_file;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use seqformer_annotations::Fault;
use seqformer_masks::{BoxXywh, ImageSize};

use crate::builder::{Seen, TrackBuilder};
use crate::contour::{outline, outlines};
use crate::dataset::{Category, Dataset, Shape, Track, Video};
use crate::frames::{Held, count_marks, for_each_frame};
use crate::geometry::polygon;
use crate::interface::{FolderWriter, ReadOptions, Reader};
use crate::names::{self, Unique};
use crate::xml::finite;
use crate::{ConvertError, Notes, pictures, text_file};

/// The format.
#[derive(Debug)]
pub(crate) struct Yolo;

/// Folders of labels and of images.
const LABELS: &str = "labels";
const IMAGES: &str = "images";
/// Coordinates further outside of the image than this are a mistake.
const MOST_OUTSIDE: f64 = 0.5;

/// Reads a line: the class and the shape.
fn parse_line(line: &str, size: ImageSize) -> Result<(u32, Shape), Fault> {
    const MEND: &str = "write the class and then x and y of every corner, from 0 to 1";
    let mut fields = line.split_ascii_whitespace();
    let class = fields.next().unwrap_or_default();
    let class = class.parse::<u32>().map_err(|_error| {
        Fault::new("class", "a whole number of 0 or more", format!("{class:?}"), MEND)
    })?;
    let number = |field: &str| {
        let within = |number: &f64| (-MOST_OUTSIDE..=1.0 + MOST_OUTSIDE).contains(number);
        finite(field).filter(within).ok_or_else(|| {
            Fault::new("", "numbers from 0 to 1, as parts of the image", format!("{field:?}"), MEND)
        })
    };
    let numbers = fields.map(number).collect::<Result<Vec<f64>, Fault>>()?;
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    if let [cx, cy, w, h] = numbers[..] {
        let (x, y) = ((cx - w / 2.0) * width, (cy - h / 2.0) * height);
        return Ok((class, Shape::Box(BoxXywh { x, y, width: w * width, height: h * height })));
    }
    let (points, rest) = numbers.as_chunks::<2>();
    if points.len() < 3 || !rest.is_empty() {
        let found = format!("{} numbers", numbers.len());
        return Err(Fault::new("", "a box, or three corners or more", found, MEND));
    }
    let shape = polygon(points.iter().map(|[x, y]| [x * width, y * height]).collect())?;
    Ok((class, shape))
}

/// The folder of labels and that of images, for what the user names: either of them, or the one around them.
fn folders(input: &Path, options: &ReadOptions) -> (PathBuf, PathBuf) {
    let whole = input.canonicalize().unwrap_or_else(|_gone| input.to_path_buf());
    let root = if whole.is_file() {
        whole.parent().map(Path::to_path_buf).unwrap_or_default()
    } else {
        whole
    };
    let labels = if root.join(LABELS).is_dir() { root.join(LABELS) } else { root };
    // `labels` stands in the path where `images` stands in that of the images.
    let parts: Vec<_> = labels.components().collect();
    let place = parts.iter().rposition(|part| part.as_os_str() == LABELS);
    let beside = place.map(|place| {
        let swapped = |(index, part): (usize, &std::path::Component<'_>)| {
            if index == place { IMAGES.into() } else { part.as_os_str().to_owned() }
        };
        parts.iter().enumerate().map(swapped).collect::<PathBuf>()
    });
    let images = options.images.clone().or(beside).unwrap_or_else(|| labels.clone());
    (labels, images)
}

/// Finds all label files below a folder, by their path without the ending.
fn find(folder: &Path, name: &str, found: &mut Vec<(String, PathBuf)>) -> Result<(), ConvertError> {
    for path in pictures::list(folder)? {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let inner = if name.is_empty() { stem.clone() } else { format!("{name}/{stem}") };
        if path.is_dir() {
            let own = path.file_name().unwrap_or_default().to_string_lossy();
            find(
                &path,
                &if name.is_empty() { own.into_owned() } else { format!("{name}/{own}") },
                found,
            )?;
        } else if pictures::has_ending(&path, "txt") && !names_file::TEXTS.contains(&stem.as_str())
        {
            found.push((inner, path));
        }
    }
    Ok(())
}

impl Reader for Yolo {
    fn read(
        &self,
        input: &Path,
        options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        let (labels, images) = folders(input, options);
        let mut files = Vec::new();
        if input.is_file() && pictures::has_ending(input, "txt") {
            let stem = input.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            files.push((stem, input.to_path_buf()));
        } else {
            find(&labels, "", &mut files)?;
        }
        if files.is_empty() {
            let fault = Fault::new(
                "",
                "label files NAME.txt",
                "none",
                "give the folder that holds `labels`",
            );
            return Err(ConvertError::wrong(input, "the whole folder", fault));
        }
        let around = labels.parent().unwrap_or(&labels);
        let names = names_file::read(&[input, &labels, around, around.parent().unwrap_or(around)])?;
        let mut classes: BTreeMap<u32, String> = names;
        let (mut videos, mut unique) = (Vec::new(), Unique::default());
        for ((stem, path), id) in files.into_iter().zip(1..) {
            let image = pictures::find(&images, &stem);
            let file_name = image.clone().unwrap_or_else(|| format!("{stem}.jpg"));
            let candidate = images.join(&file_name);
            let size = options.size_of((&path, "the whole file"), &[candidate])?;
            let text = text_file::read(&path)?;
            let mut builder = TrackBuilder::new(size, format!("image {id} ({stem})"));
            for (index, line) in
                text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty())
            {
                let parsed = parse_line(line, size);
                let (class, shape) = parsed.map_err(|fault| {
                    ConvertError::wrong(&path, format!("line {}", index + 1), fault)
                })?;
                classes.entry(class).or_insert_with(|| format!("class_{class}"));
                let object = builder.unused_id();
                builder.add(Seen::new(object, 0, i64::from(class) + 1, shape), notes);
            }
            videos.push(builder.into_video(id, unique.take(stem), vec![file_name]));
        }
        // Classes are counted from 0 there; 0 as an id confuses COCO's tools.
        let categories =
            classes.into_iter().map(|(class, name)| Category { id: i64::from(class) + 1, name });
        Ok(Dataset { categories: categories.collect(), videos })
    }
}

impl FolderWriter for Yolo {
    fn write(
        &self,
        dataset: &Dataset,
        folder: &Path,
        notes: &mut Notes,
    ) -> Result<(), ConvertError> {
        if !dataset.has_images_only() {
            notes.say("YOLO has single images: objects are no longer followed from frame to frame");
        }
        let write = |path: &Path, text: &str| {
            std::fs::write(path, text).map_err(|source| ConvertError::write(path, source))
        };
        write(&folder.join(names_file::NAME), &names_file::text(&dataset.categories))?;
        let classes: BTreeMap<i64, usize> = dataset
            .categories
            .iter()
            .enumerate()
            .map(|(index, category)| (category.id, index))
            .collect();
        for video in &dataset.videos {
            count_marks(video, Held::default(), notes);
            for_each_frame(video, |frame, seen| {
                let name = video.frame_name(frame);
                let inside = names::inside(&name)
                    .map_err(|fault| ConvertError::Name { place: video.place(), fault })?;
                let path = folder.join(LABELS).join(inside).with_extension("txt");
                let parent = path.parent().unwrap_or(folder);
                std::fs::create_dir_all(parent)
                    .map_err(|source| ConvertError::write(parent, source))?;
                if path.exists() {
                    let fault = Fault::new(
                        "",
                        "frames of different names",
                        format!("{name:?} twice"),
                        "rename one of them",
                    );
                    return Err(ConvertError::Name { place: video.place(), fault });
                }
                let mut text = String::new();
                for (track, shape) in seen {
                    let class = classes.get(&track.category_id).copied().unwrap_or_default();
                    if let Some(numbers) = numbers(shape, (video, track, frame), notes) {
                        // Writing to a string cannot fail.
                        let _written = writeln!(text, "{class} {numbers}");
                    }
                }
                write(&path, &text)
            })?;
        }
        Ok(())
    }
}

/// The numbers of a shape: a box by its centre, anything else as one polygon.
fn numbers(
    shape: &Shape,
    (video, track, frame): (&Video, &Track, usize),
    notes: &mut Notes,
) -> Option<String> {
    let (width, height) = (f64::from(video.size.width), f64::from(video.size.height));
    if let Shape::Box(BoxXywh { x, y, width: w, height: h }) = shape {
        let (cx, cy) = ((x + w / 2.0) / width, (y + h / 2.0) / height);
        return Some(format!("{cx} {cy} {} {}", w / width, h / height));
    }
    let corners = match shape {
        Shape::Polygons(polygons) if polygons.len() == 1 => polygons[0].vertices().to_vec(),
        shape => {
            let mask = shape.draw(video.size)?;
            if outlines(&mask).len() > 1 {
                let what = "masks of several parts become one polygon, with lines without width between the parts";
                notes.count(what, || video.frame_place(track, frame));
            }
            outline(&mask)?.vertices().to_vec()
        }
    };
    let corners: Vec<String> =
        corners.iter().map(|[x, y]| format!("{} {}", x / width, y / height)).collect();
    Some(corners.join(" "))
}

#[cfg(test)]
mod tests;
