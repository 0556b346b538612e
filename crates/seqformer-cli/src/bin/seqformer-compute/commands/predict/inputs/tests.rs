use super::*;

#[test]
fn what_is_no_file_is_explained() {
    let cases = [
        ("CLIP.MP4", "no such file"),
        ("frames/%05d.png", "give the folder, frames"),
        ("%d.jpg", "give the folder, ."),
        ("100%done.mp4", "no such file"),
        ("frames/*.png", "such as frames"),
        ("rtsp://127.0.0.1/cam", "an address (rtsp)"),
        ("http://127.0.0.1:9/a.mp4", "an address (http)"),
        ("0", "a camera can be piped"),
        ("", "no such file"),
    ];
    for (typed, expected) in cases {
        let message = missing(typed);
        assert!(message.contains(expected) && message.contains("expected a folder"), "{message}");
        assert!(message.starts_with(typed), "{message}");
    }
}

#[test]
fn weights_and_folders_of_videos_are_no_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::create_dir(path("films")).unwrap();
    for name in ["model.PTH", "films/b.MOV", "films/notes.txt"] {
        std::fs::write(path(name), "x").unwrap();
    }
    let ffmpeg = FfmpegLocation::find(None);
    let said = |name: &str| open(&path(name), &ffmpeg).unwrap_err().to_string();
    let weights = format!("give it as --weights {}", path("model.PTH"));
    assert!(said("model.PTH").ends_with(&weights), "{}", said("model.PTH"));
    let films = format!(
        "found b.MOV, notes.txt; to process the videos in a folder, give the files: {}/*.MOV",
        path("films")
    );
    assert!(said("films").ends_with(&films), "{}", said("films"));
}

#[test]
fn inputs_of_one_name_are_numbered_and_a_missing_one_keeps_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a/clip", "b/clip"] {
        let frames = folder.path().join(name);
        std::fs::create_dir_all(&frames).unwrap();
        std::fs::write(frames.join("0.png"), "").unwrap();
    }
    let path = |name: &str| folder.path().join(name).display().to_string();
    let paths = [path("a/clip"), path("nowhere/clip.mp4"), path("b/clip")];
    let found = open_all(&paths, &FfmpegLocation::find(None));
    let names: Vec<&str> = found.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["clip", "clip_2", "clip_3"]);
    let can_be_read: Vec<bool> = found.iter().map(|input| input.source.is_ok()).collect();
    assert_eq!(can_be_read, [true, false, true]);
}
