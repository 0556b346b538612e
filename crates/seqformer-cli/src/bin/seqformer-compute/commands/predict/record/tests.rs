use std::fs;

use super::*;

fn entry(video_id: u64, state: State) -> Entry {
    let (overlay, saved) = (None, Vec::new());
    let facts =
        VideoFacts { frames: 2, height: 4, width: 6, results: 3, tracks: 1, overlay, saved };
    Entry {
        video_id,
        name: format!("clip_{video_id}"),
        input: format!("clip_{video_id}.mp4"),
        input_file: Some(FileState { bytes: 10, modified_ns: video_id }),
        state,
        error: None,
        stem: Some(format!("clip_{video_id}")),
        video: matches!(state, State::Found | State::Done).then_some(facts),
    }
}

fn record(videos: Vec<Entry>) -> Record {
    let run =
        Identity { weights: "a.pth".to_owned(), weights_file: None, settings: "1".to_owned() };
    Record { run, save: Vec::new(), videos }
}

#[test]
fn a_run_goes_on_only_with_what_it_would_do_itself() {
    let earlier = record(vec![entry(1, State::Done), entry(2, State::Waiting)]);
    let planned = record(vec![entry(1, State::Waiting), entry(2, State::Waiting)]);
    let with = |change: &dyn Fn(&mut Record)| {
        let mut planned = planned.clone();
        change(&mut planned);
        planned.goes_on_with(&earlier)
    };
    assert!(with(&|_| ()));
    // More inputs behind those that are done, or fewer that are not.
    assert!(with(&|record| record.videos.push(entry(3, State::Waiting))));
    assert!(with(&|record| record.videos.truncate(1)));
    assert!(!with(&|record| record.run.settings = "2".to_owned()));
    assert!(!with(&|record| record.run.weights_file = record.videos[0].input_file));
    assert!(!with(&|record| record.videos[0].input = "other.mp4".to_owned()));
    assert!(!with(
        &|record| record.videos[0].input_file = Some(FileState { bytes: 11, modified_ns: 1 })
    ));
    assert!(!with(&|record| record.videos[0].video_id = 5));
    assert!(!with(&|record| drop(record.videos.remove(0))));
    // What came through a pipe does not come again.
    assert!(!with(&|record| record.videos[0].input_file = None));
}

#[test]
fn files_of_another_run_are_moved_aside_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for name in ["results.json", "tracks.jsonl", "clip_1.mp4", "diary.txt"] {
        fs::write(at.join(name), name).unwrap();
    }
    fs::create_dir_all(at.join("clip_1")).unwrap();
    fs::create_dir_all(at.join("earlier_1")).unwrap();
    let earlier = record(vec![entry(1, State::Done), entry(2, State::Waiting)]);
    earlier.write(at).unwrap();
    let found = Earlier::of(at, &record(vec![entry(3, State::Waiting)])).unwrap();
    assert!(matches!(&found, Earlier::Other(record) if *record == earlier));
    let aside = set_aside(at, &found.files(at)).unwrap();
    assert!(aside.ends_with("earlier_2"));
    let names = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names(at), ["diary.txt", "earlier_1", "earlier_2"]);
    assert_eq!(
        names(&aside),
        ["clip_1", "clip_1.mp4", "results.json", "tracks.jsonl", "videos.json"]
    );
}

#[test]
fn a_record_names_no_files_outside_of_its_folder() {
    let mut earlier = record(vec![entry(1, State::Done)]);
    for stem in ["../clip", "/etc/passwd", "..", ".", ""] {
        earlier.videos[0].stem = Some(stem.to_owned());
        assert_eq!(earlier.files(Path::new("out")).len(), 3, "{stem}");
    }
}

#[test]
fn a_foreign_videos_json_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(NAME), "[1, 2]").unwrap();
    let message = Earlier::of(folder.path(), &record(Vec::new())).unwrap_err().to_string();
    assert!(message.contains("videos.json") && message.contains("--overwrite"), "{message}");
}

#[test]
fn a_folder_is_known_by_its_pictures() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("0.jpg"), "12").unwrap();
    let before = FileState::of(folder.path());
    fs::write(folder.path().join("results.json"), "[]").unwrap();
    assert_eq!(FileState::of(folder.path()), before);
    fs::write(folder.path().join("1.JPG"), "3").unwrap();
    assert_ne!(FileState::of(folder.path()), before);
}
