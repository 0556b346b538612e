//! SA-V: a JSON file for each video, with run lengths for every frame that is annotated.
//!
//! There are no classes. Films have 24 frames a second, of which every fourth is annotated.
//!
//! Reference: the SA-V dataset's readme in facebookresearch/sam2.

use std::path::{Path, PathBuf};

use seqformer_annotations::{Dropped, Entry, Fault, Mask, describe, whole_number};
use seqformer_masks::ImageSize;
use serde_json::Value;

use crate::builder::{Seen, TrackBuilder};
use crate::dataset::{Category, Dataset, Shape, Video};
use crate::interface::{ReadOptions, Reader};
use crate::names::{self, Unique};
use crate::{ConvertError, Notes, pictures};

/// The format.
#[derive(Debug)]
pub(crate) struct Sav;

/// Distance of annotated frames, in frames of the film.
const STEP: usize = 4;
/// The only class.
const CATEGORY: i64 = 1;

impl Reader for Sav {
    fn read(
        &self,
        input: &Path,
        _options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        let files: Vec<PathBuf> = if input.is_dir() {
            pictures::list_files(input, "json")?
        } else {
            vec![input.to_path_buf()]
        };
        if files.is_empty() {
            let fault = Fault::new(
                "",
                "files NAME_manual.json or NAME_auto.json",
                "none",
                "give the folder that holds them",
            );
            return Err(ConvertError::wrong(input, "the whole folder", fault));
        }
        notes.say("SA-V has no classes: all objects are of the class \"object\"");
        let (mut videos, mut unique) = (Vec::new(), Unique::default());
        for (path, id) in files.iter().zip(1..) {
            let text = std::fs::read(path).map_err(|source| ConvertError::read(path, source))?;
            let wrong = |fault| ConvertError::wrong(path, "the whole file", fault);
            let file = Entry::parse(&text).map_err(wrong)?;
            let video = video(&file, id, notes).map_err(wrong)?;
            videos.push(Video { name: unique.take(video.name), ..video });
        }
        let categories = vec![Category { id: CATEGORY, name: "object".to_owned() }];
        Ok(Dataset { categories, videos })
    }
}

fn video(file: &Entry, id: i64, notes: &mut Notes) -> Result<Video, Fault> {
    let side = |field: &str| {
        let value = file.required(field, "a number of pixels")?;
        let side =
            whole_number(value).and_then(|side| u32::try_from(side).ok()).filter(|&side| side > 0);
        side.ok_or_else(|| {
            Fault::new(
                field,
                "a number of pixels of 1 or more",
                describe(value),
                "download the file again",
            )
        })
    };
    let size = ImageSize { height: side("video_height")?, width: side("video_width")? };
    size.checked().map_err(|error| Fault::of_mask(&error))?;
    let name = file.text("video_id")?.map_or_else(|| format!("video_{id}"), str::to_owned);
    let list = |value: &Value, field: &str| -> Result<Vec<Value>, Fault> {
        value
            .as_array()
            .cloned()
            .ok_or_else(|| Fault::new(field, "a list", describe(value), "download the file again"))
    };
    let frames = list(file.required("masklet", "a list with an entry for each frame")?, "masklet")?;
    let numbers: Vec<Value> = match file.get("masklet_id") {
        Some(ids) => list(ids, "masklet_id")?,
        None => Vec::new(),
    };
    let number = |index: usize| {
        let given = numbers.get(index).and_then(whole_number).filter(|&id| id >= 0);
        given.unwrap_or(index as i64)
    };
    let mut builder = TrackBuilder::new(size, format!("video {id} ({name})"));
    for (frame, masks) in frames.iter().enumerate() {
        let field = format!("masklet[{frame}]");
        for (index, value) in list(masks, &field)?.iter().enumerate() {
            let field = format!("{field}[{index}]");
            let mask =
                Mask::read(value, &mut Dropped::default()).map_err(|fault| fault.within(&field))?;
            let Mask::Runs(mask) = mask else { continue };
            if mask.size() != size {
                return Err(seqformer_annotations::other_size(size, mask.size()).within(&field));
            }
            // A mask without pixels says that the object is not seen.
            if mask.area() == 0 {
                continue;
            }
            builder.add(Seen::new(number(index), frame, CATEGORY, Shape::Mask(mask)), notes);
        }
    }
    names::inside(&name).map_err(|fault| fault.within("video_id"))?;
    let file_names =
        (0..frames.len()).map(|frame| format!("{name}/{:05}.jpg", STEP * frame)).collect();
    Ok(builder.into_video(id, name, file_names))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{plain, read, run};
    use crate::{Conversion, Format, convert};

    fn file() -> Value {
        let mask = |counts: Vec<u32>| json!({"size": [2, 3], "counts": counts});
        json!({"video_id": "sav_1", "video_height": 2.0, "video_width": 3.0, "video_frame_count": 8.0,
               "masklet": [[mask(vec![0, 2, 4]), mask(vec![6])], [mask(vec![1, 2, 3]), mask(vec![5, 1])]],
               "masklet_id": [4, 9]})
    }

    #[test]
    fn empty_masks_are_absent_and_frames_are_four_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sav_1_manual.json");
        std::fs::write(&path, file().to_string()).unwrap();
        let output = folder.path().join("out.json");
        let done = convert(&Conversion::new(&path, Format::Ytvis, &output)).unwrap();
        assert_eq!((done.from, done.num_tracks), (Format::Sav, 2));
        let back = read(&output, Format::Ytvis);
        let seen: Vec<Vec<bool>> = back.videos[0]
            .tracks
            .iter()
            .map(|track| track.shapes.frames().map(|shape| shape.is_some()).collect())
            .collect();
        assert_eq!(seen, [[true, true], [false, true]]);
        assert_eq!(back.videos[0].frame_name(1), "sav_1/00004.jpg");
        assert_eq!(back.videos[0].tracks[1].id, 9);
        // A lossless round trip.
        let other = folder.path().join("other.json");
        run(&output, Format::Ytvis, Format::Cocovid, &other);
        assert_eq!(plain(&read(&other, Format::Cocovid)), plain(&back));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |change: &dyn Fn(&mut Value), expected: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.json");
            let mut file = file();
            change(&mut file);
            std::fs::write(&path, file.to_string()).unwrap();
            let conversion = Conversion {
                from: Some(Format::Sav),
                ..Conversion::new(&path, Format::Ytvis, &folder.path().join("out.json"))
            };
            let said = convert(&conversion).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        };
        check(&|file| file["masklet"][1][0]["size"] = json!([3, 2]), "masklet[1][0]");
        check(&|file| file["masklet"][1] = json!(3), "masklet[1]: expected a list");
        check(&|file| file["video_height"] = json!("2"), "video_height");
        check(&|file| file["video_id"] = json!("../x"), "video_id");
    }
}
