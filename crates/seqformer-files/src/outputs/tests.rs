use std::fs;

use super::*;

/// `in.json`, a folder `frames` with a picture, and a folder `out` with `theirs.json`.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("in.json"), "[]").unwrap();
    fs::create_dir(at.join("frames")).unwrap();
    fs::write(at.join("frames/0.png"), "").unwrap();
    fs::create_dir(at.join("out")).unwrap();
    fs::write(at.join("out/theirs.json"), "[]").unwrap();
    folder
}

fn claim(folder: &Path, overwrite: bool, output: &str) -> Result<(), String> {
    let mut outputs = Outputs::new(overwrite);
    outputs.add_input(&folder.join("in.json"));
    outputs.add_input(&folder.join("frames"));
    outputs.claim(&folder.join(output)).map_err(|error| error.to_string())
}

fn check(output: &str, plain: Option<&str>, overwriting: Option<&str>) {
    let folder = place();
    for (overwrite, expected) in [(false, plain), (true, overwriting)] {
        match (claim(folder.path(), overwrite, output), expected) {
            (Ok(()), None) => {}
            (Err(message), Some(expected)) if message.contains(expected) => {}
            (found, _) => panic!("{output}, overwrite {overwrite}: {found:?}, not {expected:?}"),
        }
    }
}

#[test]
fn inputs_are_never_written_and_files_of_others_only_when_that_is_asked_for() {
    let is_input = Some("is the input");
    check("in.json", is_input, is_input);
    check("out/../in.json", is_input, is_input);
    check("frames", is_input, is_input);
    check("frames/1.JPG", Some("part of the input"), Some("part of the input"));
    check("frames/results.json", None, None);
    check("frames/deeper/1.jpg", None, None);
    check("out/theirs.json", Some("--overwrite"), None);
    check("out", Some("--overwrite"), None);
    check("out/new.json", None, None);
    check("not/there/yet.json", None, None);
}

#[test]
#[cfg(unix)]
fn links_do_not_hide_an_input() {
    use std::os::unix::fs::symlink;
    let folder = place();
    let at = folder.path();
    symlink("in.json", at.join("soft.json")).unwrap();
    fs::hard_link(at.join("in.json"), at.join("hard.json")).unwrap();
    symlink(at, at.join("again")).unwrap();
    symlink("out/later.json", at.join("dangling.json")).unwrap();
    for name in ["soft.json", "hard.json", "again/in.json", "again/frames"] {
        let message = claim(at, true, name).unwrap_err();
        assert!(message.contains("is the input"), "{message}");
    }
    assert!(claim(at, false, "dangling.json").is_err());
}

#[test]
fn a_folder_that_holds_an_input_is_not_replaced() {
    let folder = place();
    let mut outputs = Outputs::new(true);
    outputs.add_input(&folder.path().join("out/theirs.json"));
    assert!(outputs.claim(&folder.path().join("out")).is_err());
    assert!(outputs.claim_own(&folder.path().join("out")).is_err());
    assert!(outputs.claim(&folder.path().join("out/new.json")).is_ok());
}

#[test]
fn a_file_is_no_folder_and_a_folder_is_no_file() {
    let below = Some("in.json to be a folder, found a file");
    check("in.json/new.json", below, below);
    check("in.json/deeper/new.json", below, below);
    let folder = place();
    let mut outputs = Outputs::new(true);
    let message = outputs.claim_file(&folder.path().join("out")).unwrap_err().to_string();
    assert!(message.contains("a name for a file, found a folder"), "{message}");
    outputs.claim_file(&folder.path().join("out/theirs.json")).unwrap();
}

#[test]
fn two_outputs_never_have_one_name() {
    let folder = place();
    let (path, again) = (folder.path().join("a.mp4"), folder.path().join("out/../a.mp4"));
    let mut outputs = Outputs::new(true);
    outputs.claim(&path).unwrap();
    let message = outputs.claim(&again).unwrap_err().to_string();
    assert!(message.contains("two outputs"), "{message}");
    assert!(outputs.can_claim(&folder.path().join("b.mp4"), false).is_ok());
    assert!(outputs.can_claim(&path, true).is_err());
}

#[test]
fn our_own_files_are_replaced() {
    let folder = place();
    let mut outputs = Outputs::new(false);
    outputs.claim_own(&folder.path().join("out/theirs.json")).unwrap();
}

#[test]
#[cfg(unix)]
fn devices_may_be_written_to() {
    Outputs::new(false).claim(Path::new("/dev/null")).unwrap();
}
