//! YouTube-VIS there and back, and what others write.

use proptest::prelude::*;
use serde_json::json;
use tempfile::tempdir;

use crate::dataset::Dataset;
use crate::testing::{Keeps, datasets, plain, read, run, write_ytvis};
use crate::{Conversion, ConvertError, Format, convert};

fn full_occlusion(dataset: &Dataset) -> Vec<Vec<Option<crate::Occlusion>>> {
    let tracks = dataset.videos.iter().flat_map(|video| &video.tracks);
    tracks.map(|track| track.occlusion.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn everything_comes_back(made in datasets(Keeps { overlap: true, max_id: 9000, marks: true })) {
        let folder = tempdir().unwrap();
        let [first, second] = ["a.json", "b.json"].map(|name| folder.path().join(name));
        write_ytvis(&made, &first);
        let done = run(&first, Format::Ytvis, Format::Ytvis, &second);
        prop_assert_eq!(done.num_tracks, made.num_tracks());
        let back = read(&second, Format::Ytvis);
        prop_assert_eq!(plain(&back), plain(&made));
        prop_assert_eq!(full_occlusion(&back), full_occlusion(&made));
        prop_assert_eq!(back.categories, made.categories);
        prop_assert_eq!(std::fs::read(first).unwrap(), std::fs::read(second).unwrap());
    }
}

fn video_file() -> serde_json::Value {
    json!({
        "videos": [{"id": 17, "file_names": ["a/0.jpg", "a/1.jpg"], "height": 4, "width": 6, "length": 2}],
        "categories": [{"id": 5, "name": "cat"}],
        "annotations": [{"id": 4, "video_id": 17, "category_id": 5, "iscrowd": 0,
                         "segmentations": [{"size": [4, 6], "counts": [5, 2, 17]}, null],
                         "occlusion": ["severe_occlusion", null],
                         "bboxes": [[1.0, 1.0, 1.0, 2.0], null], "areas": [2, null]}]
    })
}

fn failure(text: &str) -> ConvertError {
    let folder = tempdir().unwrap();
    let [input, output] = ["in.json", "out.json"].map(|name| folder.path().join(name));
    std::fs::write(&input, text).unwrap();
    let error = convert(&Conversion::new(&input, Format::Coco, &output)).unwrap_err();
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is left behind: {left:?}");
    error
}

#[test]
fn faults_name_the_entry_and_leave_nothing_behind() {
    let check = |change: &dyn Fn(&mut serde_json::Value), expected: &str| {
        let mut file = video_file();
        change(&mut file);
        let said = failure(&file.to_string()).to_string();
        assert!(said.contains(expected), "{said}");
    };
    check(
        &|file| file["annotations"][0]["video_id"] = json!(3),
        "video_id: expected the id of a video",
    );
    check(
        &|file| file["annotations"][0]["segmentations"][0]["size"] = json!([6, 4]),
        "written as [width, height]?",
    );
    check(&|file| file["videos"] = json!(7), "videos");
    check(
        &|file| file["annotations"][0]["segmentations"] = json!([null]),
        "an entry for each of the 2 frames",
    );
    assert!(failure("{\"a\": 1}").to_string().contains("name the format with --from"));
    assert!(failure("PK\u{3}\u{4}").to_string().contains("expected a whole zip archive"));
    assert!(failure("").to_string().contains("cut off"));
}

#[test]
fn outputs_that_are_there_stay() {
    let folder = tempdir().unwrap();
    let [input, output] = ["in.json", "out.json"].map(|name| folder.path().join(name));
    std::fs::write(&input, video_file().to_string()).unwrap();
    std::fs::write(&output, "mine").unwrap();
    let mut conversion = Conversion::new(&input, Format::Coco, &output);
    assert!(convert(&conversion).is_err());
    assert_eq!(std::fs::read(&output).unwrap(), b"mine");
    conversion.overwrite = true;
    convert(&conversion).unwrap();
    assert_ne!(std::fs::read(&output).unwrap(), b"mine");
    conversion.output = input;
    assert!(convert(&conversion).is_err(), "an input is never replaced");
}

#[test]
fn more_files_than_frames_are_counted() {
    let folder = tempdir().unwrap();
    let [input, output] = ["in.json", "out.json"].map(|name| folder.path().join(name));
    let mut file = video_file();
    file["videos"][0]["file_names"] = json!(["a/0.jpg", "a/1.jpg", "a/2.jpg"]);
    file["annotations"][0]["occlusion"] = json!(["much", null]);
    std::fs::write(&input, file.to_string()).unwrap();
    let done = convert(&Conversion::new(&input, Format::Ytvis, &output)).unwrap();
    let notes: Vec<String> = done.notes.lines().collect();
    assert!(
        notes.iter().any(|note| note.starts_with("1 videos name more or fewer files")),
        "{notes:?}"
    );
    assert!(notes.iter().any(|note| note.starts_with("1 words for occlusion")), "{notes:?}");
    assert_eq!(read(&output, Format::Ytvis).videos[0].file_names.as_ref().unwrap().len(), 2);
}
