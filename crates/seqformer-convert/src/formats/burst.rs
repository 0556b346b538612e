//! BURST: sequences with run lengths for the frames that are annotated, and classes by track.
//!
//! Reference: Ali2500/BURST-benchmark, its readme on the format of annotations.

use std::path::Path;

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{AnnotationError, Entry, Fault, Id, describe, read_list, whole_number};
use seqformer_masks::{ImageSize, Rle};
use serde_json::Value;

use crate::builder::{Seen, TrackBuilder};
use crate::dataset::{Category, Dataset, Shape};
use crate::interface::{ReadOptions, Reader};
use crate::names::Unique;
use crate::{ConvertError, Notes};

/// The format.
#[derive(Debug)]
pub(crate) struct Burst;

/// Classes with their names.
type Names = Vec<(Id, String)>;

const MEND: &str = "download the file again";

/// A sequence before its classes are known.
struct Sequence {
    name: String,
    size: ImageSize,
    file_names: Vec<String>,
    /// Frame, track, class and mask.
    masks: Vec<(usize, i64, i64, Rle)>,
}

impl Sequence {
    fn parse(text: &[u8]) -> Result<Self, Fault> {
        let entry = Entry::parse(text)?;
        let size = entry.size()?.ok_or_else(|| {
            Fault::new("height, width", "a number of pixels of 1 or more", "no such fields", MEND)
        })?;
        let name = entry.text("seq_name")?.unwrap_or_default().to_owned();
        let dataset = entry.text("dataset")?.unwrap_or_default();
        let folder = if dataset.is_empty() { name } else { format!("{dataset}/{name}") };
        let paths = list(&entry, "annotated_image_paths")?;
        let file_names = paths
            .iter()
            .map(|path| path.as_str().map(|path| format!("{folder}/{path}")))
            .collect::<Option<Vec<String>>>()
            .ok_or_else(|| {
                Fault::new("annotated_image_paths", "a list of texts", "something else", MEND)
            })?;
        let classes = entry.required("track_category_ids", "the class of every track")?;
        let mut masks = Vec::new();
        let frames = list(&entry, "segmentations")?;
        if frames.len() != file_names.len() {
            let expected =
                format!("an entry for each of the {} annotated frames", file_names.len());
            return Err(Fault::new("segmentations", expected, frames.len().to_string(), MEND));
        }
        for (frame, tracks) in frames.iter().enumerate() {
            let field = format!("segmentations[{frame}]");
            let tracks = tracks.as_object().ok_or_else(|| {
                Fault::new(
                    field.as_str(),
                    "an object with a mask for each track",
                    describe(tracks),
                    MEND,
                )
            })?;
            for (track, value) in tracks {
                let field = format!("{field}.{track}");
                let number = |text: &str| text.parse::<i64>().ok().filter(|&number| number >= 0);
                let id = number(track).ok_or_else(|| {
                    Fault::new(field.as_str(), "the number of a track", format!("{track:?}"), MEND)
                })?;
                let class = classes.get(track).and_then(whole_number);
                let class = class.ok_or_else(|| {
                    let found = format!("none for track {track}");
                    Fault::new("track_category_ids", "the class of every track", found, MEND)
                })?;
                // Training files have the text alone, others an object around it.
                let text = value.get("rle").unwrap_or(value);
                let text = text.as_str().ok_or_else(|| {
                    Fault::new(field.as_str(), "run lengths as a text", describe(text), MEND)
                })?;
                let mask = Rle::parse_compressed(size, text);
                let mask = mask.map_err(|error| Fault::of_mask(&error).within(&field))?;
                masks.push((frame, id, class, mask));
            }
        }
        Ok(Self { name: folder, size, file_names, masks })
    }
}

fn list<'a>(entry: &'a Entry, field: &str) -> Result<&'a Vec<Value>, Fault> {
    let value = entry.required(field, "a list")?;
    value.as_array().ok_or_else(|| Fault::new(field, "a list", describe(value), MEND))
}

/// Reads the sequences and the names of the classes.
fn read_file(path: &Path) -> Result<(Vec<Sequence>, Names), AnnotationError> {
    let (mut sequences, mut categories) = (None, Vec::new());
    let mut file = JsonFile::open(path)?;
    file.for_each_key(|file, key| {
        match key {
            "sequences" => sequences = Some(read_list(file, key, Sequence::parse)?),
            "categories" if file.kind_of_next()? == "a list" => {
                categories = read_list(file, key, |text| {
                    let entry = Entry::parse(text)?;
                    Ok((entry.id("id")?, entry.text("name")?.unwrap_or_default().to_owned()))
                })?;
            }
            _ => file.read_value(&mut Vec::new())?,
        }
        Ok(())
    })?;
    file.finish()?;
    let sequences = sequences.ok_or_else(|| {
        let fault =
            Fault::new("sequences", "a list", "no such list", "name the format with --from");
        AnnotationError::wrong(path, "the whole file", fault)
    })?;
    Ok((sequences, categories))
}

impl Reader for Burst {
    fn read(
        &self,
        input: &Path,
        _options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        let (sequences, names) = read_file(input)?;
        let mut categories: Vec<Category> = names
            .into_iter()
            .filter_map(|(id, name)| match id {
                Id::Number(id @ 0..) => Some(Category { id, name }),
                _ => None,
            })
            .collect();
        let (mut videos, mut unique) = (Vec::new(), Unique::default());
        for (sequence, id) in sequences.into_iter().zip(1..) {
            let Sequence { name, size, file_names, masks } = sequence;
            let mut builder = TrackBuilder::new(size, format!("video {id} ({name})"));
            for (frame, id, category_id, mask) in masks {
                if categories.iter().all(|category| category.id != category_id) {
                    categories
                        .push(Category { id: category_id, name: format!("class_{category_id}") });
                }
                builder.add(Seen::new(id, frame, category_id, Shape::Mask(mask)), notes);
            }
            videos.push(builder.into_video(id, unique.take(name), file_names));
        }
        Ok(Dataset { categories, videos })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::read;
    use crate::{Conversion, Format, convert};

    fn file() -> Value {
        json!({"split": "val", "categories": [{"id": 805, "name": "person"}],
               "sequences": [{"id": 1, "dataset": "YFCC100M", "seq_name": "v_1", "height": 2, "width": 3, "fps": 30,
                              "all_image_paths": ["0.jpg", "1.jpg", "2.jpg"], "annotated_image_paths": ["0.jpg", "2.jpg"],
                              "track_category_ids": {"4": 805, "6": 7},
                              "segmentations": [{"4": {"rle": "06", "is_gt": true}}, {"4": {"rle": "123"}, "6": "06"}]}]})
    }

    #[test]
    fn annotated_frames_are_read_with_the_class_of_each_track() {
        let folder = tempfile::tempdir().unwrap();
        let (path, output) = (folder.path().join("a.json"), folder.path().join("out.json"));
        std::fs::write(&path, file().to_string()).unwrap();
        let done = convert(&Conversion::new(&path, Format::Ytvis, &output)).unwrap();
        assert_eq!((done.from, done.num_frames, done.num_tracks), (Format::Burst, 2, 2));
        let back = read(&output, Format::Ytvis);
        let video = &back.videos[0];
        assert_eq!(video.frame_name(1), "YFCC100M/v_1/2.jpg");
        let areas = |index: usize| -> Vec<Option<u64>> {
            video.tracks[index]
                .shapes
                .frames()
                .map(|shape| Some(shape?.draw(video.size)?.area()))
                .collect()
        };
        assert_eq!((areas(0), areas(1)), (vec![Some(6), Some(2)], vec![None, Some(6)]));
        let classes: Vec<_> =
            video.tracks.iter().map(|track| back.category_name(track.category_id)).collect();
        assert_eq!(classes, ["person", "class_7"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |change: &dyn Fn(&mut Value), expected: &str| {
            let folder = tempfile::tempdir().unwrap();
            let (path, output) = (folder.path().join("a.json"), folder.path().join("out.json"));
            let mut file = file();
            change(&mut file["sequences"][0]);
            std::fs::write(&path, file.to_string()).unwrap();
            let said =
                convert(&Conversion::new(&path, Format::Ytvis, &output)).unwrap_err().to_string();
            assert!(said.contains("sequences[0]") && said.contains(expected), "{said}");
        };
        check(&|file| file["segmentations"][0]["4"]["rle"] = json!("07"), "segmentations[0].4");
        check(&|file| file["segmentations"][0] = json!([]), "segmentations[0]");
        check(&|file| file["segmentations"] = json!([]), "each of the 2 annotated frames");
        check(&|file| file["track_category_ids"] = json!({}), "none for track 4");
        check(&|file| file["width"] = json!(null), "width");
    }
}
