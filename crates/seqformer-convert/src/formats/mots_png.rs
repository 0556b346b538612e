//! MOTS and KITTI-MOTS as 16-bit PNGs, one for each frame.
//!
//! Reference: the folders `instances/0000/000000.png` of KITTI-MOTS; values as in [`crate::mots`].

use std::collections::BTreeSet;
use std::path::Path;

use crate::builder::TrackBuilder;
use crate::dataset::{Dataset, Shape};
use crate::frames::{Held, count_marks};
use crate::interface::{FolderWriter, ReadOptions, Reader};
use crate::label_image::Depth;
use crate::mots::{self, Code, Codes};
use crate::png_sequences::{self, Labels, Sequence};
use crate::{ConvertError, Notes};

/// The format.
#[derive(Debug)]
pub(crate) struct MotsPng;

impl Reader for MotsPng {
    fn read(
        &self,
        input: &Path,
        options: &ReadOptions,
        notes: &mut Notes,
    ) -> Result<Dataset, ConvertError> {
        let sequences = png_sequences::find(input, options)?;
        let first = sequences.first().and_then(|sequence| sequence.files.first()?.parent());
        let (first, input) = (first.unwrap_or(input), input);
        let names = mots::read_labels(&[input, &input.join("instances"), first])?;
        let read = |sequence: Sequence| Ok((sequence.read(Depth::Sixteen)?, sequence));
        let read: Vec<(Labels, Sequence)> =
            sequences.into_iter().map(read).collect::<Result<_, ConvertError>>()?;
        let values = |labels: &Labels| -> BTreeSet<u32> {
            labels.frames.iter().flat_map(|masks| masks.keys().copied()).collect()
        };
        let keeps_instances = mots::keeps_instances(read.iter().map(|(labels, _)| values(labels)));
        let seen: BTreeSet<i64> = read
            .iter()
            .flat_map(|(labels, _)| values(labels))
            .map(Code::from_value)
            .filter(|code| !code.is_ignored)
            .map(|code| code.category_id)
            .collect();
        let categories = mots::categories(names, &seen);
        let any_category = categories.first().map(|category| category.id);
        let mut videos = Vec::new();
        for ((labels, sequence), id) in read.into_iter().zip(1..) {
            let Sequence { name, file_names, .. } = sequence;
            let Labels { size, frames } = labels;
            let mut builder = TrackBuilder::new(size, format!("video {id} ({name})"));
            for (frame, (value, mask)) in frames
                .into_iter()
                .enumerate()
                .flat_map(|(frame, masks)| masks.into_iter().map(move |mask| (frame, mask)))
            {
                let seen =
                    mots::seen(value, (frame, Shape::Mask(mask)), keeps_instances, any_category);
                match seen {
                    Some(seen) => builder.add(seen, notes),
                    None => notes.say(mots::NO_CLASS),
                }
            }
            videos.push(builder.into_video(id, name, file_names));
        }
        Ok(Dataset { categories, videos })
    }
}

impl FolderWriter for MotsPng {
    fn write(
        &self,
        dataset: &Dataset,
        folder: &Path,
        notes: &mut Notes,
    ) -> Result<(), ConvertError> {
        let codes = Codes::new(dataset, notes);
        let folder = folder.join("instances");
        std::fs::create_dir_all(&folder).map_err(|source| ConvertError::write(&folder, source))?;
        let labels = folder.join(mots::LABELS);
        std::fs::write(&labels, &codes.labels)
            .map_err(|source| ConvertError::write(&labels, source))?;
        for video in &dataset.videos {
            count_marks(video, Held { ignored: true, ..Held::default() }, notes);
            let values = codes.of_video(video, notes);
            let value = |track: &crate::Track| values.get(&track.id).copied();
            png_sequences::write(video, &folder, (Depth::Sixteen, false), value, notes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    //! MOTS in PNGs there and back, and what its numbers mean.

    use proptest::prelude::*;
    use seqformer_masks::ImageSize;
    use tempfile::tempdir;

    use crate::Format;
    use crate::label_image::{Depth, LabelImage};
    use crate::testing::{Keeps, datasets, frame_stems, plain, read, run, there_and_back};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn numbers_classes_and_every_pixel_come_back(
            made in datasets(Keeps { overlap: false, max_id: 999, marks: false })
        ) {
            let folder = tempdir().unwrap();
            let (back, notes) = there_and_back(&made, Format::MotsPng, folder.path());
            prop_assert!(notes.is_empty(), "{:?}", notes);
            prop_assert_eq!(plain(&back), plain(&made));
            prop_assert_eq!(frame_stems(&back), frame_stems(&made));
            prop_assert_eq!(back.categories, made.categories);
        }
    }

    #[test]
    fn one_number_in_two_classes_is_two_objects_and_10000_is_ignored() {
        let folder = tempdir().unwrap();
        let sequence = folder.path().join("instances/0002");
        std::fs::create_dir_all(&sequence).unwrap();
        for (frame, values) in
            [[1001, 2001, 10_000, 0], [1001, 1001, 0, 3000]].into_iter().enumerate()
        {
            let image =
                LabelImage { size: ImageSize { height: 1, width: 4 }, values: values.to_vec() };
            image.write(&sequence.join(format!("{frame:06}.png")), Depth::Sixteen, false).unwrap();
        }
        let found = read(folder.path(), Format::MotsPng);
        let tracks: Vec<_> = found.videos[0]
            .tracks
            .iter()
            .map(|track| (track.id, found.category_name(track.category_id), track.is_ignored))
            .collect();
        let expected = [
            (1001, "car", false),
            (2001, "pedestrian", false),
            (10_000, "car", true),
            (3000, "class_3", false),
        ];
        assert_eq!(tracks, expected);
        let again = folder.path().join("again");
        let done = run(folder.path(), Format::MotsPng, Format::MotsPng, &again);
        let notes: Vec<String> = done.notes.lines().collect();
        assert!(
            notes[0].starts_with("1 videos have objects whose numbers do not fit"),
            "{notes:?}"
        );
        let labels = std::fs::read_to_string(again.join("instances/labels.txt")).unwrap();
        assert_eq!(labels, "car\npedestrian\nclass_3\n");
        let image =
            LabelImage::read(&again.join("instances/0002/000000.png"), Depth::Sixteen).unwrap();
        assert_eq!(image.values, [1001, 2002, 10_000, 0], "numbers above 999 begin anew");
    }
}
