use std::path::PathBuf;

use super::*;

fn read_text(text: &str, num_classes: usize) -> Result<Vec<Class>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("classes");
    std::fs::write(&path, text).unwrap();
    read(&path, num_classes).map_err(|error| format!("{error:#}"))
}

fn class(id: u64, name: &str) -> Class {
    Class { id, name: name.to_owned() }
}

#[test]
fn lines_are_numbered_from_one() {
    assert_eq!(
        read_text("person\n giant panda \n\n", 2),
        Ok(vec![class(1, "person"), class(2, "giant panda")])
    );
}

#[test]
fn marks_of_windows_are_no_part_of_a_name() {
    let expected = Ok(vec![class(1, "person"), class(2, "giant panda")]);
    assert_eq!(read_text("\u{feff}person\r\ngiant panda\r\n\r\n", 2), expected);
    let json = "\u{feff}{\"categories\": [{\"id\": 1, \"name\": \"person\\r\"}, \r\n{\"id\": 2, \"name\": \"giant panda\"}]}";
    assert_eq!(read_text(json, 2), expected);
}

#[test]
fn categories_are_sorted_by_id() {
    let json = r#"{"videos": [], "categories": [{"id": 7, "name": "b"}, {"id": 2, "name": "a"}]}"#;
    assert_eq!(read_text(json, 2), Ok(vec![class(2, "a"), class(7, "b")]));
}

#[test]
fn files_that_do_not_fit_are_named() {
    let twice = r#"{"categories": [{"id": 2, "name": "b"}, {"id": 2, "name": "a"}]}"#;
    let cases =
        [("a\nb\n", 3, "expected 3 classes"), ("{}", 1, "categories"), (twice, 2, "same id")];
    for (text, count, expected) in cases {
        let message = read_text(text, count).unwrap_err();
        assert!(message.contains(expected) && message.contains("classes"), "{message}");
    }
}

#[test]
fn built_in_datasets_bring_their_classes() {
    let names = ["nowhere".to_owned(), "ytvis_ovis_val".to_owned(), "ytvis_2019_val".to_owned()];
    let found = of_datasets(names.iter(), 40).unwrap();
    assert_eq!((found.len(), found[0].clone()), (40, class(1, "person")));
    assert_eq!(of_datasets(names.iter(), 25).unwrap()[24].id, 25);
    assert_eq!(of_datasets(names.iter(), 7), None);
}
