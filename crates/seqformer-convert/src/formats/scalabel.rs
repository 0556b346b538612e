//! BDD100K's JSON, which is scalabel's: a list of frames with labels.
//!
//! Reference: scalabel's documentation of its format; `types` tells corners (`L`) from control points of curves (`C`).

mod frame;

use std::collections::BTreeMap;
use std::path::Path;

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{AnnotationError, Entry, Fault, Ids, place_of, read_list};
use seqformer_masks::ImageSize;

use self::frame::Frame;
use crate::builder::{Classes, Seen, TrackBuilder};
use crate::dataset::{Dataset, Occlusion, Video};
use crate::interface::{ReadOptions, Reader};
use crate::names::{self, Unique};
use crate::{ConvertError, Notes, pictures};

/// The format.
#[derive(Debug)]
pub(crate) struct Scalabel;

/// Reads the frames of a file: a list, or an object with the list `frames`.
fn read_frames(path: &Path) -> Result<Vec<Frame>, AnnotationError> {
    let mut file = JsonFile::open(path)?;
    let mut frames: Vec<Frame> = Vec::new();
    if file.kind_of_next()? == "a list" {
        frames = read_list(&mut file, "frames", Frame::parse)?;
    } else {
        file.for_each_key(|file, key| match key {
            "frames" => {
                frames = read_list(file, key, Frame::parse)?;
                Ok(())
            }
            _ => file.read_value(&mut Vec::new()),
        })?;
    }
    file.finish()?;
    for (index, frame) in frames.iter_mut().enumerate() {
        frame.path = path.to_path_buf();
        frame.place = format!("{} ({})", place_of("frames", index, &Entry::default()), frame.name);
    }
    Ok(frames)
}

impl Reader for Scalabel {
    fn read(
        &self,
        input: &Path,
        options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        let files = if input.is_dir() {
            pictures::list_files(input, "json")?
        } else {
            vec![input.to_path_buf()]
        };
        let mut frames = Vec::new();
        for path in &files {
            frames.extend(read_frames(path)?);
        }
        if frames.is_empty() {
            let fault =
                Fault::new("frames", "a list of frames", "none", "name the format with --from");
            return Err(ConvertError::wrong(input, "the whole file", fault));
        }
        let ids = Ids::new(frames.iter().flat_map(|frame| &frame.labels).map(|label| &label.id));
        // Frames without a video are images of their own.
        let mut videos: BTreeMap<(usize, String), Vec<Frame>> = BTreeMap::new();
        let mut order: BTreeMap<String, usize> = BTreeMap::new();
        for (index, frame) in frames.into_iter().enumerate() {
            let key = match &frame.video {
                Some(video) => (*order.entry(video.clone()).or_insert(index), video.clone()),
                None => (index, String::new()),
            };
            videos.entry(key).or_default().push(frame);
        }
        let (mut classes, mut unique) = (Classes::default(), Unique::default());
        let mut done = Vec::new();
        for (((_, name), frames), id) in videos.into_iter().zip(1..) {
            let video = video((id, &name), frames, (&ids, options), &mut classes, notes)?;
            done.push(Video { name: unique.take(video.name), ..video });
        }
        Ok(Dataset { categories: classes.finish(), videos: done })
    }
}

fn video(
    (id, name): (i64, &str),
    mut frames: Vec<Frame>,
    (ids, options): (&Ids, &ReadOptions),
    classes: &mut Classes,
    notes: &mut Notes,
) -> Result<Video, ConvertError> {
    frames.sort_by_key(|frame| frame.index);
    let in_folder = |frame: &Frame| {
        let folder = if name.is_empty() { String::new() } else { format!("{name}/") };
        format!("{folder}{}", frame.name)
    };
    let file_names: Vec<String> = frames.iter().map(in_folder).collect();
    let mut common = None;
    for (frame, file_name) in frames.iter().zip(&file_names) {
        let size = match (frame.size, &options.images) {
            (Some(size), _) => size,
            (None, Some(images)) => options.size_of(
                (&frame.path, &frame.place),
                &[images.join(file_name), images.join(&frame.name)],
            )?,
            (None, None) => options.size_of((&frame.path, &frame.place), &[])?,
        };
        let expected = *common.get_or_insert(size);
        if size != expected {
            let expected = format!("that of the frames before it, {expected}");
            let fault =
                Fault::new("size", expected, size.to_string(), "frames of a video have one size");
            return Err(ConvertError::wrong(&frame.path, &*frame.place, fault));
        }
    }
    let size = common.unwrap_or(ImageSize { height: 1, width: 1 });
    let name = match name {
        "" => names::of_image(file_names.first().map(String::as_str), id),
        name => name.to_owned(),
    };
    let mut builder = TrackBuilder::new(size, format!("video {id} ({name})"));
    for (index, frame) in frames.into_iter().enumerate() {
        for label in frame.labels {
            let Some(shape) = label.shape else {
                notes.count("labels have no box, polygon or mask and are left out", || {
                    frame.place.clone()
                });
                continue;
            };
            let seen = Seen {
                id: ids.number(&label.id).unwrap_or_default(),
                frame: index,
                category_id: classes.id(&label.category),
                shape,
                occlusion: label.is_occluded.map(Occlusion::from_mark),
                is_crowd: label.is_crowd,
                is_ignored: label.is_ignored,
            };
            builder.add(seen, notes);
        }
    }
    Ok(builder.into_video(id, name, file_names))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::read;
    use crate::{Conversion, Format, convert};

    fn frames() -> Value {
        json!([
            {"name": "b-2.jpg", "videoName": "b", "frameIndex": 1, "size": {"width": 20, "height": 10}, "labels": [
                {"id": "00091078", "category": "car", "attributes": {"occluded": true, "crowd": false},
                 "poly2d": [{"vertices": [[0, 0], [8, 0], [8, 8], [0, 8]], "types": "LLLL", "closed": true}]}]},
            {"name": "b-1.jpg", "videoName": "b", "frameIndex": 0, "size": {"width": 20, "height": 10}, "labels": [
                {"id": "00091078", "category": "car",
                 "poly2d": [{"vertices": [[0, 0], [0, 8], [8, 8], [8, 0]], "types": "LCCL"}]},
                {"id": "7", "category": "rider", "box2d": {"x1": 1, "y1": 2, "x2": 3, "y2": 5}},
                {"id": "8", "category": "lane"}]},
            {"name": "c.jpg", "size": {"width": 4, "height": 4}, "labels": null}])
    }

    #[test]
    fn frames_are_put_in_order_and_curves_are_bent() {
        let folder = tempfile::tempdir().unwrap();
        let (path, output) = (folder.path().join("b.json"), folder.path().join("out.json"));
        std::fs::write(&path, frames().to_string()).unwrap();
        let done = convert(&Conversion::new(&path, Format::Cocovid, &output)).unwrap();
        assert_eq!((done.from, done.num_videos, done.num_tracks), (Format::Scalabel, 2, 2));
        let back = read(&path, Format::Scalabel);
        let video = &back.videos[0];
        assert_eq!(
            (video.frame_name(0).as_ref(), video.frame_name(1).as_ref()),
            ("b/b-1.jpg", "b/b-2.jpg")
        );
        let areas: Vec<_> = video.tracks[0]
            .shapes
            .frames()
            .map(|shape| Some(shape?.draw(video.size)?.area()))
            .collect();
        // Between the curve and its chord: 3 / 20 of the sum of the cross products of its points, 0.6 x 8 x 8.
        let Some(curved) = areas[0] else { panic!("{areas:?}") };
        assert!((curved as f64 - 38.4).abs() < 4.0, "{areas:?}");
        assert_eq!(areas[1], Some(64));
        assert_eq!((back.videos[1].name.as_str(), back.videos[1].length), ("c", 1));
        assert_eq!(video.tracks[0].occlusion, [None, Some(Occlusion::Slight)]);
        let notes: Vec<String> = done.notes.lines().collect();
        assert!(notes.iter().any(|note| note.starts_with("1 labels have no box")), "{notes:?}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |change: &dyn Fn(&mut Value), expected: &str| {
            let folder = tempfile::tempdir().unwrap();
            let (path, output) = (folder.path().join("b.json"), folder.path().join("out.json"));
            let mut file = frames();
            change(&mut file);
            std::fs::write(&path, file.to_string()).unwrap();
            let said =
                convert(&Conversion::new(&path, Format::Coco, &output)).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        };
        check(&|file| file[1]["size"]["width"] = json!(21), "one size");
        check(&|file| file[1]["size"] = json!(null), "--size");
        check(&|file| file[0]["labels"] = json!(3), "labels: expected a list");
        check(
            &|file| file[0]["labels"][0]["poly2d"][0]["vertices"] = json!([[1, 2]]),
            "labels[0].poly2d[0].vertices",
        );
        check(&|file| file[1]["labels"][1]["box2d"]["x2"] = json!("a"), "labels[1].box2d.x2");
    }
}
