//! BDD100K bitmasks: PNGs with four channels: class, marks, and the number of the object in the last two.
//!
//! Reference: BDD100K's documentation of label formats, "Bitmask"; the classes are those of segmentation tracking.

use std::collections::BTreeSet;
use std::path::Path;

use crate::builder::{Seen, TrackBuilder, categories};
use crate::dataset::{Dataset, Occlusion, Shape};
use crate::interface::{ReadOptions, Reader};
use crate::label_image::Depth;
use crate::png_sequences::{self, Labels, Sequence};
use crate::{ConvertError, Notes};

/// The format.
#[derive(Debug)]
pub(crate) struct BddBitmask;

/// The classes from 1 on.
const CLASSES: [&str; 8] =
    ["pedestrian", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle"];
/// The bits of the marks; a fourth one, of value 8, says that an object is cut off by the edge of the frame.
const IGNORED: u8 = 1;
const CROWD: u8 = 2;
const OCCLUDED: u8 = 4;

impl Reader for BddBitmask {
    fn read(
        &self,
        input: &Path,
        options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        let mut videos = Vec::new();
        let mut classes = BTreeSet::new();
        for (sequence, id) in png_sequences::find(input, options)?.into_iter().zip(1..) {
            let Labels { size, frames } = sequence.read(Depth::Rgba)?;
            let Sequence { name, file_names, .. } = sequence;
            let mut builder = TrackBuilder::new(size, format!("video {id} ({name})"));
            for (frame, masks) in frames.into_iter().enumerate() {
                for (value, mask) in masks {
                    let [class, marks, high, low] = value.to_be_bytes();
                    // Class 0 is background, whatever the other channels hold.
                    if class == 0 {
                        continue;
                    }
                    classes.insert(i64::from(class));
                    let seen = Seen {
                        id: i64::from(u16::from_be_bytes([high, low])),
                        frame,
                        category_id: i64::from(class),
                        shape: Shape::Mask(mask),
                        occlusion: Some(Occlusion::from_mark(marks & OCCLUDED != 0)),
                        is_crowd: marks & CROWD != 0,
                        is_ignored: marks & IGNORED != 0,
                    };
                    builder.add(seen, notes);
                }
            }
            videos.push(builder.into_video(id, name, file_names));
        }
        let name = |id: i64| CLASSES.get(usize::try_from(id - 1).ok()?).copied();
        Ok(Dataset { categories: categories(&classes, name), videos })
    }
}

#[cfg(test)]
mod tests {
    use seqformer_masks::ImageSize;

    use super::*;
    use crate::label_image::LabelImage;
    use crate::{Format, guess};

    #[test]
    fn class_marks_and_number_are_taken_apart() {
        let folder = tempfile::tempdir().unwrap();
        let video = folder.path().join("bitmasks/train/b1c8");
        std::fs::create_dir_all(&video).unwrap();
        let size = ImageSize { height: 2, width: 3 };
        let car = u32::from_be_bytes([3, OCCLUDED | CROWD, 1, 4]);
        let ignored = u32::from_be_bytes([9, IGNORED | 8, 0, 7]);
        let background = u32::from_be_bytes([0, 0, 0, 9]);
        let values = vec![car, car, 0, ignored, background, 0];
        for frame in ["b1c8-0000001.png", "b1c8-0000002.png"] {
            let image = LabelImage { size, values: values.clone() };
            image.write(&video.join(frame), Depth::Rgba, false).unwrap();
        }
        assert_eq!(guess(folder.path()).unwrap(), Format::BddBitmask);
        let read = crate::testing::read(folder.path(), Format::BddBitmask);
        let [video] = read.videos.as_slice() else { panic!("{read:?}") };
        assert_eq!((video.name.as_str(), video.length), ("train/b1c8", 2));
        assert_eq!(video.frame_name(1), "train/b1c8/b1c8-0000002.jpg");
        let [car, ignored] = video.tracks.as_slice() else { panic!("{video:?}") };
        assert_eq!((car.id, read.category_name(car.category_id)), (260, "car"));
        assert!(car.is_crowd && !car.is_ignored && ignored.is_ignored && ignored.id == 7);
        assert_eq!(car.occlusion, [Some(Occlusion::Slight); 2]);
        assert_eq!(read.category_name(ignored.category_id), "class_9");
    }
}
