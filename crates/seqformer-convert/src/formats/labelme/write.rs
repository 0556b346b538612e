//! Writing folders of frames.

use std::path::{Path, PathBuf};

use seqformer_annotations::Fault;
use seqformer_masks::{BoxXywh, Polygon};
use serde_json::{Value, json};

use super::{LABELS, Labelme};
use crate::contour::outlines;
use crate::dataset::{Dataset, Occlusion, Shape, Track};
use crate::frames::for_each_frame;
use crate::interface::FolderWriter;
use crate::{ConvertError, Notes, names};

impl FolderWriter for Labelme {
    fn write(
        &self,
        dataset: &Dataset,
        folder: &Path,
        notes: &mut Notes,
    ) -> Result<(), ConvertError> {
        let write = |path: &Path, text: &str| {
            std::fs::write(path, text).map_err(|source| ConvertError::write(path, source))
        };
        let names: String = dataset
            .categories
            .iter()
            .map(|category| category.name.replace(['\r', '\n'], " ") + "\n")
            .collect();
        write(&folder.join(LABELS), &format!("__ignore__\n_background_\n{names}"))?;
        for video in &dataset.videos {
            let place = if video.length == 1 {
                names::folder(&video.frame_name(0)).to_owned()
            } else {
                video.name.clone()
            };
            let inside = match place.as_str() {
                "" => PathBuf::new(),
                place => names::inside(place)
                    .map_err(|fault| ConvertError::Name { place: video.place(), fault })?,
            };
            let folder = folder.join(inside);
            std::fs::create_dir_all(&folder)
                .map_err(|source| ConvertError::write(&folder, source))?;
            let stems = names::stems(video, notes);
            for_each_frame(video, |frame, seen| {
                let shapes: Vec<Value> = seen
                    .iter()
                    .flat_map(|(track, shape)| shapes(dataset, (track, frame), shape))
                    .collect();
                let name = video.frame_name(frame);
                let image = name.rsplit(['/', '\\']).next().unwrap_or(&name);
                let file = json!({
                    "version": "5.4.1",
                    "flags": {},
                    "shapes": shapes,
                    "imagePath": image,
                    "imageData": null,
                    "imageHeight": video.size.height,
                    "imageWidth": video.size.width,
                });
                let path = folder.join(format!("{}.json", stems[frame]));
                if path.exists() {
                    let found = format!(
                        "two files {}",
                        path.file_name().unwrap_or_default().to_string_lossy()
                    );
                    let mend = "rename one of the images";
                    let fault =
                        Fault::new("", "images of different names in a folder", found, mend);
                    return Err(ConvertError::Name { place: video.place(), fault });
                }
                write(&path, &format!("{file:#}\n"))
            })?;
        }
        Ok(())
    }
}

/// Makes the entries of an object on a frame: one for each part.
fn shapes(dataset: &Dataset, (track, frame): (&Track, usize), shape: &Shape) -> Vec<Value> {
    let mut flags = serde_json::Map::new();
    let hidden = track.occlusion.get(frame).copied().flatten();
    let marks = [
        ("crowd", track.is_crowd),
        ("ignored", track.is_ignored),
        ("occluded", hidden.is_some_and(Occlusion::is_occluded)),
    ];
    for (name, is_set) in marks {
        if is_set {
            flags.insert(name.to_owned(), json!(true));
        }
    }
    let entry = |kind: &str, points: &[[f64; 2]]| {
        let mut entry = json!({
            "label": dataset.category_name(track.category_id),
            "points": points,
            "group_id": track.id,
            "description": "",
            "shape_type": kind,
            "flags": flags,
        });
        if let Some(score) = track.score {
            entry["score"] = json!(score);
        }
        entry
    };
    let polygon = |polygon: &Polygon| entry("polygon", polygon.vertices());
    match shape {
        Shape::Mask(mask) => outlines(mask).iter().map(polygon).collect(),
        Shape::Polygons(polygons) => polygons.iter().map(polygon).collect(),
        Shape::Box(BoxXywh { x, y, width, height }) => {
            vec![entry("rectangle", &[[*x, *y], [x + width, y + height]])]
        }
    }
}
