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
    for (frame, values) in [[1001, 2001, 10_000, 0], [1001, 1001, 0, 3000]].into_iter().enumerate()
    {
        let image = LabelImage { size: ImageSize { height: 1, width: 4 }, values: values.to_vec() };
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
    assert!(notes[0].starts_with("1 videos have objects whose numbers do not fit"), "{notes:?}");
    let labels = std::fs::read_to_string(again.join("instances/labels.txt")).unwrap();
    assert_eq!(labels, "car\npedestrian\nclass_3\n");
    let image = LabelImage::read(&again.join("instances/0002/000000.png"), Depth::Sixteen).unwrap();
    assert_eq!(image.values, [1001, 2002, 10_000, 0], "numbers above 999 begin anew");
}
