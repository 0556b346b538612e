//! `predict --save`: files of other tools beside the results.

use std::fs;
use std::path::Path;

use seqformer_data::RgbImage;
use seqformer_masks::ImageSize;
use tempfile::TempDir;

use crate::{display, golden, seqformer, text};

/// Runs `predict` with the tiny model; returns its success and all that it said.
fn predict(output: &Path, more: &[&str]) -> (bool, String) {
    let (config, weights) = (golden("tiny_config.yaml"), golden("tiny_model.pth"));
    let own = ["predict", "--config-file", &config, "--weights", &weights, "--output"];
    let done = seqformer(&[&own[..], &[&display(output), "--device", "cpu"], more].concat());
    let said = text(&done.stdout) + &text(&done.stderr);
    assert!(!said.contains("panicked"), "{said}");
    (done.status.success(), said)
}

/// A folder `name` with two frames.
fn frames(parent: &Path, name: &str) -> String {
    for index in 0..2 {
        let mut image = RgbImage::new(ImageSize { height: 48, width: 64 });
        for (at, pixel) in image.pixels.iter_mut().enumerate() {
            *pixel = ((at + 40 * (index + name.len())) * 7 % 251) as u8;
        }
        let path = parent.join(name).join(format!("{index}.jpg"));
        seqformer_video::write_jpeg(&path, &image).unwrap();
    }
    display(&parent.join(name))
}

#[test]
fn saved_files_are_those_of_the_results_and_stay_on_a_restart() {
    let folder = TempDir::new().unwrap();
    let (one, three) = (frames(folder.path(), "one"), frames(folder.path(), "three"));
    let out = folder.path().join("out");
    let save = ["--save", "csv,png,ytvis,cutout,csv", "--save-threshold", "0", "--no-overlay"];
    let (done, said) = predict(&out, &[&save[..], &[&one]].concat());
    assert!(done && said.contains("one.ytvis.json"), "{said}");
    let table = fs::read_to_string(out.join("one.csv")).unwrap();
    assert!(table.lines().nth(1).unwrap().starts_with("one,1,0,,one/0.jpg,"), "{table}");
    assert!(out.join("one.masks/Annotations/one/1.png").is_file());
    // What was saved is what the results say.
    let again = display(&folder.path().join("again.csv"));
    let results = display(&out);
    let convert = ["results", "convert", "--results", &results, "--to", "csv", "--output", &again];
    let done = seqformer(&convert);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(fs::read_to_string(&again).unwrap(), table);

    let written = |name: &str| fs::metadata(out.join(name)).unwrap().modified().unwrap();
    let before = written("one.csv");
    fs::remove_file(out.join("one.ytvis.json")).unwrap();
    let (done, said) = predict(&out, &[&save[..], &[&one, &three]].concat());
    assert!(done && !said.contains("finished by an earlier run"), "one is not complete: {said}");
    assert!(written("one.csv") > before && out.join("one.ytvis.json").is_file());
    let before = written("one.csv");
    let (done, said) = predict(&out, &[&save[..], &[&one, &three]].concat());
    assert!(done && said.matches("finished by an earlier run").count() == 2, "{said}");
    assert_eq!(written("one.csv"), before);
}

#[test]
fn a_file_of_somebody_else_stays_and_the_saved_ones_get_another_name() {
    let folder = TempDir::new().unwrap();
    let one = frames(folder.path(), "one");
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("one.csv"), "mine").unwrap();
    let (done, said) = predict(&out, &["--save", "csv", "--no-overlay", &one]);
    assert!(done && said.contains("one_overlay.csv"), "{said}");
    assert_eq!(fs::read_to_string(out.join("one.csv")).unwrap(), "mine");
    let (done, said) = predict(&out, &["--save", "excel", &one]);
    assert!(!done && said.contains("cutout-video"), "{said}");
    let font = ["--font", &display(&out.join("one.csv")), &one];
    let (done, said) = predict(&out, &font);
    assert!(!done && said.contains("expected a TrueType or OpenType font"), "{said}");
}
