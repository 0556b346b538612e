use super::*;

#[test]
fn both_forms_of_the_tiny_model_hold_the_same_arrays() {
    let folder = golden_dir("public");
    let pth = read_arrays(&folder.join("tiny_model.pth")).unwrap();
    let safetensors = read_arrays(&folder.join("tiny_model.safetensors")).unwrap();
    assert!(pth.len() > 100, "found {} arrays", pth.len());
    for (name, array) in &safetensors {
        assert_eq!(pth.get(name), Some(array), "{name}");
    }
}

#[test]
fn errors_name_the_file() {
    let folder = golden_dir("public");
    let missing = read_json(&folder.join("nowhere.json")).unwrap_err().to_string();
    assert!(missing.contains("public/nowhere.json: "), "{missing}");
    let wrong = read_json(&folder.join("tiny_model.pth")).unwrap_err().to_string();
    assert!(wrong.contains("tiny_model.pth: expected value at line 1"), "{wrong}");
}

#[test]
#[should_panic(expected = "tests/golden/nowhere is missing")]
fn a_missing_folder_is_loud() {
    golden_dir("nowhere");
}
