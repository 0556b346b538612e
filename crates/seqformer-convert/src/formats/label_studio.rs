//! Label Studio: tasks with polygons, brushes, rectangles, ellipses, and boxes that are followed through a video.
//!
//! Coordinates are per cent of the image. Of several annotations of a task the first that was not skipped counts.
//!
//! Reference: Label Studio's documentation, "Label Studio JSON format" and the tags of each kind of label.

mod brush;

use std::path::{Path, PathBuf};

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{Entry, Fault, describe, place_of, read_list, whole_number};
use seqformer_masks::{BoxXywh, ImageSize};
use serde_json::Value;

use crate::builder::{Classes, Seen, TrackBuilder};
use crate::dataset::{Dataset, Shape, Video};
use crate::geometry::{ellipse, polygon, rectangle};
use crate::interface::{ReadOptions, Reader};
use crate::names::{self, Unique};
use crate::{ConvertError, Notes};

/// The format.
#[derive(Debug)]
pub(crate) struct LabelStudio;

/// No video has more frames: a larger number is a mistake.
const MAX_FRAMES: i64 = 1 << 20;
const MEND: &str = "export the tasks again";

/// One task: an image or a video.
struct Task {
    place: String,
    data: String,
    results: Vec<Entry>,
    /// How many further annotations there are.
    num_others: usize,
}

impl Task {
    fn parse(text: &[u8]) -> Result<Self, Fault> {
        let entry = Entry::parse(text)?;
        // The image or film is a field whose name the user chose.
        let data = entry.get("data").and_then(Value::as_object);
        let texts = |key: &str| data.and_then(|data| data.get(key)).and_then(Value::as_str);
        let any = || data.and_then(|data| data.values().find_map(Value::as_str));
        let source = texts("image").or_else(|| texts("video")).or_else(any).unwrap_or_default();
        let annotations = match entry.get("annotations") {
            None => &[][..],
            Some(Value::Array(list)) => list,
            Some(other) => return Err(Fault::new("annotations", "a list", describe(other), MEND)),
        };
        let is_skipped = |annotation: &&Value| annotation["was_cancelled"].as_bool() == Some(true);
        let mut counted = annotations.iter().filter(|annotation| !is_skipped(annotation));
        let results = counted.next().and_then(|annotation| annotation["result"].as_array());
        let results = results.map(Vec::as_slice).unwrap_or_default();
        let results = results.iter().map(|result| Entry::parse(result.to_string().as_bytes()));
        Ok(Self {
            place: String::new(),
            data: source.to_owned(),
            results: results.collect::<Result<_, Fault>>()?,
            num_others: counted.count(),
        })
    }

    /// The size that the results have, or the one that the user gives.
    fn size(&self, path: &Path, options: &ReadOptions) -> Result<ImageSize, ConvertError> {
        let side = |value: Option<&Value>| {
            value
                .and_then(whole_number)
                .and_then(|side| u32::try_from(side).ok())
                .filter(|&side| side > 0)
        };
        let found = self.results.iter().find_map(|result| {
            let height = side(result.get("original_height"))?;
            Some(ImageSize { height, width: side(result.get("original_width"))? })
        });
        let size = if let Some(size) = found {
            size
        } else {
            let image: Option<PathBuf> =
                options.images.as_ref().map(|folder| folder.join(file_name(&self.data)));
            options.size_of((path, &self.place), image.as_slice())?
        };
        size.checked()
            .map_err(|error| ConvertError::wrong(path, &*self.place, Fault::of_mask(&error)))
    }
}

/// The last part of a path or address.
fn file_name(data: &str) -> &str {
    let path = data.split(['?', '#']).next().unwrap_or(data);
    path.rsplit(['/', '\\', '=']).next().unwrap_or(path)
}

impl Reader for LabelStudio {
    fn read(
        &self,
        input: &Path,
        options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        let mut file = JsonFile::open(input)?;
        let tasks = read_list(&mut file, "tasks", Task::parse)?;
        file.finish()?;
        let (mut classes, mut unique, mut videos) =
            (Classes::default(), Unique::default(), Vec::new());
        for (index, mut task) in tasks.into_iter().enumerate() {
            task.place = format!(
                "{} ({})",
                place_of("tasks", index, &Entry::default()),
                file_name(&task.data)
            );
            if task.num_others > 0 {
                notes.count("tasks have several annotations: the first one is taken", || {
                    task.place.clone()
                });
            }
            let id = index as i64 + 1;
            let size = task.size(input, options)?;
            let mut read = Read {
                size,
                builder: TrackBuilder::new(size, task.place.clone()),
                length: 1,
                film: false,
            };
            for (number, result) in task.results.iter().enumerate() {
                read.add(result, &mut classes, &task.place, notes).map_err(|fault| {
                    let place = format!("{}: result[{number}]", task.place);
                    ConvertError::wrong(input, place, fault)
                })?;
            }
            let name = file_name(&task.data);
            let name = if name.is_empty() { format!("task_{id}") } else { name.to_owned() };
            let stem = unique.take(names::stem(&name).to_owned());
            let file_names = if read.film { None } else { Some(vec![name]) };
            let tracks = read.builder.finish(read.length);
            videos.push(Video {
                id,
                name: stem,
                size,
                length: read.length,
                file_names,
                tracks,
                exhaustive: None,
            });
        }
        Ok(Dataset { categories: classes.finish(), videos })
    }
}

/// A task that is being read.
struct Read {
    size: ImageSize,
    builder: TrackBuilder,
    length: usize,
    film: bool,
}

impl Read {
    fn add(
        &mut self,
        result: &Entry,
        classes: &mut Classes,
        place: &str,
        notes: &mut Notes,
    ) -> Result<(), Fault> {
        let kind = result.text("type")?.unwrap_or_default();
        let Some(value) = result.get("value").filter(|value| value.is_object()) else {
            return Ok(());
        };
        let labels = value.get("labels").or_else(|| value.get(kind));
        let label =
            labels.and_then(|labels| labels.get(0)).and_then(Value::as_str).unwrap_or("object");
        let numbers = Entry::parse(value.to_string().as_bytes())?;
        let (width, height) =
            (f64::from(self.size.width) / 100.0, f64::from(self.size.height) / 100.0);
        let number = |field: &str| numbers.number(field).map_err(|fault| fault.within("value"));
        let degrees = value.get("rotation").and_then(Value::as_f64).unwrap_or(0.0);
        let shape = match kind {
            "polygonlabels" | "polygon" => {
                let point = |point: &Value| {
                    Some([point.get(0)?.as_f64()? * width, point.get(1)?.as_f64()? * height])
                };
                let points = value.get("points").and_then(Value::as_array);
                let points: Option<Vec<[f64; 2]>> =
                    points.and_then(|points| points.iter().map(point).collect());
                let points = points.ok_or_else(|| {
                    Fault::new("value.points", "a list of [x, y]", "something else", MEND)
                })?;
                polygon(points).map_err(|fault| fault.within("value.points"))?
            }
            "rectanglelabels" | "rectangle" => {
                let (x, y) = (number("x")? * width, number("y")? * height);
                let bounds = BoxXywh {
                    x,
                    y,
                    width: number("width")? * width,
                    height: number("height")? * height,
                };
                // The tool turns a rectangle about its first corner.
                rectangle(bounds, degrees, [x, y])?
            }
            "ellipselabels" | "ellipse" => {
                let centre = [number("x")? * width, number("y")? * height];
                let axes = [number("radiusX")? * width, number("radiusY")? * height];
                ellipse(centre, axes, degrees)?
            }
            "brushlabels" | "brush" => {
                let rle = value.get("rle").unwrap_or(&Value::Null);
                Shape::Mask(
                    brush::decode(rle, self.size).map_err(|fault| fault.within("value.rle"))?,
                )
            }
            "videorectangle" => return self.add_film(value, classes.id(label), notes),
            _ => {
                notes.count("labels without an area are left out", || format!("{place}: {kind}"));
                return Ok(());
            }
        };
        self.push(self.builder.unused_id(), 0, classes.id(label), shape, notes);
        Ok(())
    }

    fn push(&mut self, id: i64, frame: usize, category_id: i64, shape: Shape, notes: &mut Notes) {
        let (occlusion, is_crowd, is_ignored) = (None, false, false);
        self.builder
            .add(Seen { id, frame, category_id, shape, occlusion, is_crowd, is_ignored }, notes);
    }

    /// Adds a box that is followed: between two key frames it moves, and a key that is not enabled ends it.
    fn add_film(
        &mut self,
        value: &Value,
        category_id: i64,
        notes: &mut Notes,
    ) -> Result<(), Fault> {
        self.film = true;
        let wrong = |field: &str, found: &Value| {
            let expected = format!("a whole number from 1 to {MAX_FRAMES}");
            Fault::new(field, expected, describe(found), MEND)
        };
        let count = |field: &str, value: &Value| {
            let number = whole_number(value).filter(|number| (1..=MAX_FRAMES).contains(number));
            number.map(|number| number as usize).ok_or_else(|| wrong(field, value))
        };
        if let Some(frames) = value.get("framesCount") {
            self.length = self.length.max(count("value.framesCount", frames)?);
        }
        let mut keys = Vec::new();
        for (index, key) in
            value.get("sequence").and_then(Value::as_array).into_iter().flatten().enumerate()
        {
            let field = format!("value.sequence[{index}]");
            let entry = Entry::parse(key.to_string().as_bytes())?;
            let number = |name: &str| entry.number(name).map_err(|fault| fault.within(&field));
            // Frames are counted from 1.
            let frame = count(&format!("{field}.frame"), &key["frame"])? - 1;
            let (width, height) =
                (f64::from(self.size.width) / 100.0, f64::from(self.size.height) / 100.0);
            let bounds = [
                number("x")? * width,
                number("y")? * height,
                number("width")? * width,
                number("height")? * height,
            ];
            keys.push((frame, key["enabled"].as_bool().unwrap_or(true), bounds));
        }
        keys.sort_by_key(|(frame, ..)| *frame);
        let id = self.builder.unused_id();
        let last = keys.last().map_or(0, |(frame, ..)| frame + 1);
        self.length = self.length.max(last);
        for (index, &(start, is_enabled, bounds)) in keys.iter().enumerate() {
            let next = keys.get(index + 1).copied();
            // A key that is not enabled is the last frame before a gap, which ends at the next key.
            let end = match next {
                Some((frame, ..)) if is_enabled => frame,
                None if is_enabled => self.length,
                _ => start + 1,
            };
            for frame in start..end {
                let part = next.map_or(0.0, |(next, ..)| {
                    (frame - start) as f64 / (next - start).max(1) as f64
                });
                let target = next.map_or(bounds, |(.., target)| target);
                let [x, y, width, height] =
                    std::array::from_fn(|side| bounds[side] + (target[side] - bounds[side]) * part);
                self.push(
                    id,
                    frame,
                    category_id,
                    Shape::Box(BoxXywh { x, y, width, height }),
                    notes,
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
