use super::*;

fn names(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn tree() -> Value {
    Value::dict([("iteration", Value::Int(4))])
}

#[test]
fn the_newest_few_stay_and_the_marker_names_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let checkpointer = Checkpointer::new(folder.path(), 2);
    assert_eq!(checkpointer.last().unwrap(), None);
    for iteration in [9, 19, 29] {
        checkpointer.save(iteration, &tree()).unwrap();
    }
    checkpointer.save_best(&tree()).unwrap();
    assert_eq!(checkpointer.last().unwrap(), Some(folder.path().join("model_0000029.pth")));
    checkpointer.save_final(&tree()).unwrap();
    let expected = [
        "last_checkpoint",
        "model_0000019.pth",
        "model_0000029.pth",
        "model_best.pth",
        "model_final.pth",
    ];
    assert_eq!(names(folder.path()), expected);
    assert_eq!(std::fs::read_to_string(folder.path().join(LAST)).unwrap(), FINAL);
    assert_eq!(Checkpointer::read(&folder.path().join(FINAL)).unwrap(), tree());
}

#[test]
fn zero_keeps_all() {
    let folder = tempfile::tempdir().unwrap();
    for iteration in 0..4 {
        Checkpointer::new(folder.path(), 0).save(iteration, &tree()).unwrap();
    }
    assert_eq!(names(folder.path()).len(), 5);
}

#[test]
fn a_marker_without_its_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(LAST), "model_0000007.pth").unwrap();
    let message = Checkpointer::new(folder.path(), 0).last().unwrap_err().to_string();
    assert!(message.contains("model_0000007.pth") && message.contains(LAST), "{message}");
}
