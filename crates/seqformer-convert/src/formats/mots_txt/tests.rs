//! MOTS as text there and back, and lines that are wrong.

use proptest::prelude::*;
use tempfile::tempdir;

use crate::testing::{Keeps, datasets, plain, read, there_and_back};
use crate::{Conversion, Format, convert};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn numbers_classes_lengths_and_every_pixel_come_back(
        made in datasets(Keeps { overlap: true, max_id: 999, marks: false })
    ) {
        let mut made = made;
        // A video without objects has no size in this format.
        made.videos.retain(|video| !video.tracks.is_empty());
        prop_assume!(!made.videos.is_empty());
        let folder = tempdir().unwrap();
        let (back, notes) = there_and_back(&made, Format::MotsTxt, folder.path());
        prop_assert_eq!(notes, ["MOTS numbers frames from 0: the names of image files are lost"]);
        prop_assert_eq!(plain(&back), plain(&made));
        prop_assert_eq!(back.categories, made.categories);
    }
}

#[test]
fn lines_that_are_wrong_are_named() {
    let folder = tempdir().unwrap();
    let check = |line: &str, expected: &str| {
        let path = folder.path().join("0002.txt");
        std::fs::write(&path, format!("0 2001 2 2 3 06\n\n{line}\n")).unwrap();
        let output = folder.path().join("out.json");
        let conversion = Conversion {
            from: Some(Format::MotsTxt),
            ..Conversion::new(&path, Format::Ytvis, &output)
        };
        let said = convert(&conversion).unwrap_err().to_string();
        assert!(said.contains("line 3") && said.contains(expected), "{line:?}: {said}");
    };
    check("1 2001 2 2 3", "5 fields");
    check("1 2001 1 2 3 06", "the class of object 2001, 2");
    check("x 2001 2 2 3 06", "frame: expected a whole number");
    check("1 2001 2 2 3 07", "a sum of 7");
    check("1 2001 2 2 3 0~", "rle");
    check("1 2001 2 4294967295 4294967295 06", "at most");
    check("4000000000 2001 2 2 3 06", "frame");
    check("1 2001 2 3 2 06", "one size");
    check("1 90001 90 2 3 06", "id");
}

#[test]
fn a_file_without_a_line_is_no_dataset() {
    let folder = tempdir().unwrap();
    let (path, output) = (folder.path().join("0002.txt"), folder.path().join("out.json"));
    std::fs::write(&path, "\n").unwrap();
    let from = Some(Format::MotsTxt);
    let mut conversion = Conversion { from, ..Conversion::new(&path, Format::Ytvis, &output) };
    let said = convert(&conversion).unwrap_err().to_string();
    assert!(said.contains("0002.txt") && said.contains("--size") && !output.exists(), "{said}");
    conversion.options.size = Some(seqformer_masks::ImageSize { height: 2, width: 3 });
    assert_eq!(convert(&conversion).unwrap().num_videos, 1);
}

#[test]
fn a_file_alone_ends_with_its_last_object() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("0002.txt");
    std::fs::write(&path, "4 2001 2 2 3 06\n2 10000 10 2 3 06\n").unwrap();
    let found = read(&path, Format::MotsTxt);
    assert_eq!((found.videos[0].length, found.videos[0].tracks.len()), (5, 2));
    assert_eq!(found.videos[0].frame_name(4), "0002/000004.png");
}
