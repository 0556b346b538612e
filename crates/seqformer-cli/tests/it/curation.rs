//! `data stats`, `split`, `merge`, `subset` and `frames`, as a user runs them.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{display, seqformer, text};

/// Videos of two frames, each with a car.
fn dataset(num_videos: usize) -> Value {
    let names = |video: usize| [format!("s{video}/0.jpg"), format!("s{video}/1.jpg")];
    let video = |video: usize| json!({"id": video, "height": 2, "width": 4, "length": 2, "file_names": names(video)});
    let track = |video: usize| {
        let mask = json!({"size": [2, 4], "counts": [2, 3, 3]});
        json!({"id": video, "video_id": video, "category_id": 3, "iscrowd": 0, "segmentations": [mask, null],
               "bboxes": [[1, 0, 2, 2], null], "areas": [3, null]})
    };
    json!({"videos": (1..=num_videos).map(video).collect::<Vec<_>>(), "categories": [{"id": 3, "name": "car"}],
           "annotations": (1..=num_videos).map(track).collect::<Vec<_>>()})
}

fn read(path: &str) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Runs `data` with these arguments, and returns its output and messages.
fn data(arguments: &[&str]) -> (bool, String, String) {
    let done = seqformer(&[&["data"], arguments].concat());
    (done.status.success(), text(&done.stdout), text(&done.stderr))
}

#[test]
fn a_dataset_is_counted_divided_joined_and_cut_down() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| display(&folder.path().join(name));
    fs::write(at("all.json"), dataset(10).to_string()).unwrap();
    let (good, printed, said) = data(&["stats", &at("all.json"), "--json"]);
    assert!(good && said.contains("read as ytvis"), "{said}");
    let numbers: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(
        (&numbers["num_videos"], &numbers["classes"][0]["num_tracks"]),
        (&json!(10), &json!(10))
    );

    let (input, output) = (at("all.json"), at("splits"));
    let split = ["split", &input, "--parts", "train=80,val=20", "--output", &output];
    let (good, printed, said) = data(&split);
    assert!(good && said.contains("8 videos of 16 frames with 8 objects"), "{said}");
    let parts = [at("splits/train.json"), at("splits/val.json")];
    assert_eq!(printed, parts.join("\n") + "\n");
    let (good, _, said) = data(&split);
    assert!(!good && said.contains("--overwrite"), "{said}");
    fs::write(at("one.json"), dataset(1).to_string()).unwrap();
    let (good, _, said) =
        data(&["split", &at("one.json"), "--parts", "a=1,b=1", "--output", &at("of_one")]);
    assert!(!good && !Path::new(&at("of_one")).exists(), "{said}");

    let [train, val] = &parts;
    let (good, _, said) =
        data(&["merge", train, val, "--rename", "car=auto", "--output", &at("joined.json")]);
    assert!(good && said.contains("10 videos of 20 frames with 10 objects of 1 class"), "{said}");
    assert_eq!(read(&at("joined.json"))["categories"], json!([{"id": 3, "name": "auto"}]));
    let (good, _, said) =
        data(&["merge", train, val, "--images", &at(""), "--output", &at("x.json")]);
    assert!(!good && said.contains("one folder for each of the 2 datasets"), "{said}");

    let kept = ["subset", &input, "--videos", "s1*", "--every", "2", "--output", &at("some.json")];
    let (good, _, said) = data(&kept);
    assert!(good && said.contains("2 videos of 2 frames with 2 objects"), "{said}");
    let (good, _, said) = data(&["subset", &input, "--classes", "dog", "--output", &at("y.json")]);
    assert!(!good && said.contains("it has car") && !Path::new(&at("y.json")).exists(), "{said}");
}

#[test]
fn other_formats_and_archives_are_converted_first() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| display(&folder.path().join(name));
    fs::write(at("all.json"), dataset(3).to_string()).unwrap();
    let (good, _, said) =
        data(&["convert", &at("all.json"), "--to", "mots-png", "--output", &at("mots")]);
    assert!(good, "{said}");
    let (good, _, said) =
        data(&["subset", &at("mots"), "--videos", "s2", "--output", &at("out.json")]);
    assert!(good && said.contains("read as mots-png"), "{said}");
    let read = read(&at("out.json"));
    assert_eq!(read["videos"][0]["file_names"], json!(["s2/0.jpg", "s2/1.jpg"]));
    let mut archive = fs::File::create(at("broken.zip")).unwrap();
    archive.write_all(b"PK\x03\x04 and nothing else").unwrap();
    for command in ["stats", "check"] {
        let (good, _, said) = data(&[command, &at("broken.zip")]);
        assert!(
            !good && said.contains("broken.zip: the whole file: expected a whole zip archive"),
            "{said}"
        );
    }
}

#[test]
fn films_become_frames_and_frames_a_film() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| display(&folder.path().join(name));
    fs::create_dir(at("street")).unwrap();
    for frame in 0..5_u8 {
        // A picture of 2x2 pixels as BMP: header of 54 bytes, rows of 8 bytes.
        let mut bytes = Vec::from(*b"BM");
        for number in [70_u32, 0, 54, 40, 2, 2, 1 | 24 << 16, 0, 16, 0, 0, 0, 0] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend([40 * frame; 16]);
        fs::write(at(&format!("street/{frame}.bmp")), bytes).unwrap();
    }
    let film = ["frames", &at("street"), "--fps", "5", "--output", &at("street.gif")];
    let (good, printed, said) = data(&film);
    assert!(good && said.contains("5 frames"), "{said}");
    assert_eq!(printed, at("street.gif") + "\n");
    let back = ["frames", &at("street.gif"), "--every", "2", "--output", &at("JPEGImages")];
    let (good, printed, said) = data(&back);
    assert!(good && said.contains("3 of 5 frames, 5.00 a second"), "{said}");
    assert_eq!(printed, at("JPEGImages/street") + "\n");
    let mut names: Vec<_> = fs::read_dir(at("JPEGImages/street"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["00000.jpg", "00002.jpg", "00004.jpg"]);
    for (arguments, expected) in [
        (&back[..], "expected a new or empty folder"),
        (&film[..], "--overwrite"),
        (&["frames", &at("street"), "--output", &at("other")], "expected a film, found a folder"),
        (&["frames", &at("street.gif"), "--output", &at("b.gif")], "expected a folder of images"),
    ] {
        let (good, _, said) = data(arguments);
        assert!(!good && said.contains(expected), "{said}");
    }
}
