//! KITTI instance segmentation: 16-bit PNGs of single images, class times 256 plus the object; object 0 is no object.
//!
//! Reference: the KITTI semantic instance benchmark, whose classes are those of Cityscapes.

use std::collections::BTreeSet;
use std::path::Path;

use crate::builder::{Seen, TrackBuilder, categories};
use crate::dataset::{Dataset, Shape};
use crate::interface::{ReadOptions, Reader};
use crate::label_image::Depth;
use crate::names::{self, Unique};
use crate::png_sequences::{self, Sequence};
use crate::{ConvertError, Notes};

/// The format.
#[derive(Debug)]
pub(crate) struct KittiInstances;

/// The classes of Cityscapes that have objects.
const CLASSES: [(i64, &str); 10] = [
    (24, "person"),
    (25, "rider"),
    (26, "car"),
    (27, "truck"),
    (28, "bus"),
    (29, "caravan"),
    (30, "trailer"),
    (31, "train"),
    (32, "motorcycle"),
    (33, "bicycle"),
];

impl Reader for KittiInstances {
    fn read(
        &self,
        input: &Path,
        options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        let mut classes = BTreeSet::new();
        let (mut videos, mut unique) = (Vec::new(), Unique::default());
        for folder in png_sequences::find(input, options)? {
            let Sequence { name, files, file_names } = folder;
            for (file, file_name) in files.into_iter().zip(file_names) {
                let id = videos.len() as i64 + 1;
                let image =
                    Sequence { name: name.clone(), files: vec![file], file_names: vec![file_name] };
                let labels = image.read(Depth::Sixteen)?;
                let mut builder = TrackBuilder::new(labels.size, format!("image {id}"));
                for (value, mask) in labels.frames.into_iter().flatten() {
                    let category_id = i64::from(value >> 8);
                    let [_, _, _, instance] = value.to_be_bytes();
                    if instance == 0 {
                        continue;
                    }
                    classes.insert(category_id);
                    let id = builder.unused_id();
                    builder.add(Seen::new(id, 0, category_id, Shape::Mask(mask)), notes);
                }
                let name = names::of_image(image.file_names.first().map(String::as_str), id);
                videos.push(builder.into_video(id, unique.take(name), image.file_names));
            }
        }
        let name = |id: i64| {
            let known = CLASSES.iter().find(|(known, _)| *known == id);
            known.map(|(_, name)| *name)
        };
        Ok(Dataset { categories: categories(&classes, name), videos })
    }
}

#[cfg(test)]
mod tests {
    use seqformer_masks::ImageSize;

    use super::*;
    use crate::dataset::Category;
    use crate::label_image::LabelImage;
    use crate::{Format, guess};

    #[test]
    fn images_stand_alone_and_what_is_no_object_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let instances = folder.path().join("training/instance");
        std::fs::create_dir_all(&instances).unwrap();
        for (name, width) in [("000030_10.png", 3), ("000030_11.png", 2)] {
            let values = vec![26 << 8 | 1, 26 << 8 | 2, 7 << 8][..width as usize].to_vec();
            let image = LabelImage { size: ImageSize { height: 1, width }, values };
            image.write(&instances.join(name), Depth::Sixteen, false).unwrap();
        }
        assert_eq!(guess(folder.path()).unwrap(), Format::KittiInstances);
        let read = crate::testing::read(folder.path(), Format::KittiInstances);
        let found: Vec<_> =
            read.videos.iter().map(|video| (video.name.as_str(), video.tracks.len())).collect();
        assert_eq!(found, [("training/000030_10", 2), ("training/000030_11", 2)]);
        assert_eq!(read.categories, [Category { id: 26, name: "car".to_owned() }]);
    }
}
