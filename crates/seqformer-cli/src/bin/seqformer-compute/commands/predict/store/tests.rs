use super::*;

fn row(id: u64, text: &str) -> String {
    format!("{{\"video_id\": {id}, \"x\": \"{text}\"}}")
}

fn line(id: u64, text: &str) -> Vec<u8> {
    format!("{{\"video_id\":{id},\"x\":\"{text}\"}}\n").into_bytes()
}

fn read(folder: &Path) -> (String, String) {
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    (text("results.json"), text("tracks.jsonl"))
}

#[test]
fn any_order_and_any_interruption_give_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mut store = Store::new(at);
    for id in [1, 2, 4] {
        let rows = [row(id, "], ["), row(id, "ü")];
        store.add(id, &rows[..id as usize % 3], &line(id, "a")).unwrap();
    }
    let undisturbed = read(at);
    serde_json::from_str::<Vec<serde_json::Value>>(&undisturbed.0).unwrap();

    let mut store = Store::new(at);
    store.add(4, &[row(4, "], [")], &line(4, "a")).unwrap();
    drop(store);
    let (mut store, kept) = Store::open(at, &BTreeMap::from([(4, (1, 1)), (9, (1, 1))])).unwrap();
    assert_eq!(kept, [4]);
    store.add(2, &[row(2, "], ["), row(2, "ü")], &line(2, "a")).unwrap();
    store.add(1, &[row(1, "an earlier try")], &line(1, "b")).unwrap();
    drop(store);
    // Video 2 is not counted as finished, and done again.
    let (mut store, kept) = Store::open(at, &BTreeMap::from([(4, (1, 1)), (1, (1, 1))])).unwrap();
    assert_eq!(kept, [1, 4]);
    store.add(1, &[row(1, "], [")], &line(1, "a")).unwrap();
    store.add(2, &[row(2, "], ["), row(2, "ü")], &line(2, "a")).unwrap();
    assert_eq!(read(at), undisturbed);
    assert_eq!(store.tracks_of(4).unwrap()[0].get(), r#"{"video_id":4,"x":"a"}"#);
    assert!(store.tracks_of(3).unwrap().is_empty());
}

#[test]
fn a_video_whose_rows_are_not_all_there_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::new(folder.path());
    store.add(1, &[row(1, "a")], &line(1, "a")).unwrap();
    store.add(2, &[], &[]).unwrap();
    let keep = |id, counts| Store::open(folder.path(), &BTreeMap::from([(id, counts)])).unwrap().1;
    assert_eq!(keep(1, (1, 1)), [1]);
    assert_eq!(keep(1, (2, 1)), [] as [u64; 0]);
    assert_eq!(keep(2, (0, 0)), [2]);
    std::fs::write(folder.path().join("results.json"), "[{\"video_id\": 1, ").unwrap();
    assert_eq!(keep(1, (1, 1)), [] as [u64; 0]);
    std::fs::remove_file(folder.path().join("tracks.jsonl")).unwrap();
    assert_eq!(keep(1, (1, 1)), [] as [u64; 0]);
}

#[test]
fn a_run_without_results_has_empty_files() {
    let folder = tempfile::tempdir().unwrap();
    Store::new(folder.path()).add(1, &[], &[]).unwrap();
    assert_eq!(read(folder.path()), ("[]".to_owned(), String::new()));
}
