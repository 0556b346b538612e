//! Projects of version 2.

use std::fs::File;
use std::io::Write as _;

use seqformer_masks::{BoxXywh, Polygon};
use serde_json::{Map, Value, json};

use super::version2::{ATTRIBUTES, PICTURES};
use super::{CLASS, FRAME, HEIGHT, MARKS, OBJECT, VIDEO, Via, WIDTH, YES};
use crate::contour::outlines;
use crate::dataset::{Dataset, Occlusion, Shape, Track};
use crate::frames::for_each_frame;
use crate::interface::FileWriter;
use crate::{ConvertError, Notes};

impl FileWriter for Via {
    fn write(
        &self,
        dataset: &Dataset,
        file: &mut File,
        _notes: &mut Notes,
    ) -> Result<(), ConvertError> {
        let mut pictures = Map::new();
        let mut order = Vec::new();
        for video in &dataset.videos {
            for_each_frame(video, |frame, seen| {
                let name = video.frame_name(frame);
                let mut attributes = json!({
                    WIDTH: video.size.width.to_string(),
                    HEIGHT: video.size.height.to_string(),
                });
                if video.length > 1 {
                    attributes[VIDEO] = json!(video.name);
                    attributes[FRAME] = json!(frame.to_string());
                }
                let regions: Vec<Value> = seen
                    .iter()
                    .flat_map(|(track, shape)| regions(dataset, (track, frame), shape))
                    .collect();
                // The key is the name with the number of bytes, of which -1 stands for an unknown one.
                let mut key = format!("{name}-1");
                while pictures.contains_key(&key) {
                    key.push('_');
                }
                order.push(key.clone());
                pictures.insert(
                    key,
                    json!({"filename": name, "size": -1, "regions": regions, "file_attributes": attributes}),
                );
                Ok(())
            })?;
        }
        let classes: Map<String, Value> =
            dataset.categories.iter().map(|category| (category.name.clone(), json!(""))).collect();
        let text = || json!({"type": "text", "description": "", "default_value": ""});
        let mut of_regions = json!({
            CLASS: {"type": "dropdown", "description": "", "options": classes, "default_options": {}},
            OBJECT: text(),
        });
        for mark in MARKS {
            of_regions[mark] = text();
        }
        let project = json!({
            "_via_settings": {"ui": {}, "core": {"default_filepath": ""}, "project": {"name": "annotations"}},
            PICTURES: pictures,
            ATTRIBUTES: {"region": of_regions, "file": {VIDEO: text(), FRAME: text(), WIDTH: text(), HEIGHT: text()}},
            "_via_data_format_version": "2.0.10",
            "_via_image_id_list": order,
        });
        Ok(writeln!(file, "{project}")?)
    }
}

/// Makes the entries of an object on a frame: one for each part.
fn regions(dataset: &Dataset, (track, frame): (&Track, usize), shape: &Shape) -> Vec<Value> {
    let hidden = track.occlusion.get(frame).copied().flatten();
    let is_set = [track.is_crowd, track.is_ignored, hidden.is_some_and(Occlusion::is_occluded)];
    let mut attributes =
        json!({CLASS: dataset.category_name(track.category_id), OBJECT: track.id.to_string()});
    for (mark, is_set) in MARKS.into_iter().zip(is_set) {
        if is_set {
            attributes[mark] = json!(YES);
        }
    }
    let entry = |shape: Value| json!({"shape_attributes": shape, "region_attributes": attributes});
    let polygon = |polygon: &Polygon| {
        let (xs, ys): (Vec<f64>, Vec<f64>) =
            polygon.vertices().iter().map(|[x, y]| (*x, *y)).unzip();
        entry(json!({"name": "polygon", "all_points_x": xs, "all_points_y": ys}))
    };
    match shape {
        Shape::Mask(mask) => outlines(mask).iter().map(polygon).collect(),
        Shape::Polygons(polygons) => polygons.iter().map(polygon).collect(),
        Shape::Box(BoxXywh { x, y, width, height }) => {
            vec![entry(json!({"name": "rect", "x": x, "y": y, "width": width, "height": height}))]
        }
    }
}
