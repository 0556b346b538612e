//! Names, paths and classes.

use std::fs;

use super::*;

#[test]
fn built_in_names_lie_under_the_root() {
    let catalog = Catalog::new(Path::new("root"));
    let source = catalog.get("ytvis_2019_val").unwrap();
    assert_eq!(source.kind, DatasetKind::Ytvis);
    assert_eq!(source.image_root, Path::new("root/ytvis_2019/val/JPEGImages"));
    assert_eq!(source.json, Path::new("root/ytvis_2019/annotations/instances_val_sub.json"));
    assert_eq!(catalog.get("coco_2017_train").unwrap().kind, DatasetKind::Coco);
    let mut names: Vec<&str> = catalog.names().collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "every name occurs once");
}

#[test]
fn class_tables_have_their_official_ids() {
    let check = |table: ClassTable, count: usize, id: u64, name: &str| {
        let categories = table.categories();
        assert_eq!(categories.len(), count, "{table:?}");
        let contiguous = categories.contiguous(id).unwrap();
        assert_eq!(categories.names()[contiguous], name, "{table:?}");
    };
    check(ClassTable::Ytvis2019, 40, 24, "fox");
    check(ClassTable::Ytvis2021, 40, 26, "person");
    check(ClassTable::Ovis, 25, 25, "Vehical");
    check(ClassTable::Coco, 80, 90, "toothbrush");
    check(ClassTable::Coco, 80, 43, "tennis racket");
    assert_eq!(ClassTable::Coco.categories().contiguous(12), None);
}

#[test]
fn unknown_names_and_missing_files_say_what_there_is() {
    let root = tempfile::tempdir().unwrap();
    let catalog = Catalog::new(root.path());
    let message = catalog.get("ytvis_2018_train").unwrap_err().to_string();
    assert!(message.contains("ytvis_2018_train") && message.contains("ytvis_2019_train"));
    let message = catalog.get("ytvis_2019_train").unwrap().read().unwrap_err().to_string();
    assert!(
        message.contains("instances_train_sub.json") && message.contains("DETECTRON2_DATASETS")
    );
}

#[test]
fn a_file_with_other_classes_keeps_them_and_gets_a_note() {
    let root = tempfile::tempdir().unwrap();
    let write = |json: &str| {
        fs::create_dir_all(root.path().join("ovis/valid")).unwrap();
        fs::write(root.path().join("ovis/annotations_valid.json"), json).unwrap();
        Catalog::new(root.path()).get("ytvis_ovis_val").unwrap().read().unwrap()
    };
    let own = write(r#"{"videos": [], "categories": [{"id": 1, "name": "kettle"}]}"#);
    assert_eq!(own.categories.names(), ["kettle"]);
    assert!(own.notes[0].contains("not the official ones"), "{:?}", own.notes);
    let none = write(r#"{"videos": []}"#);
    assert_eq!(none.categories, ClassTable::Ovis.categories());
    assert!(none.notes.is_empty(), "{:?}", none.notes);
}

#[test]
fn a_declared_dataset_wins_over_a_built_in_one() {
    let mut catalog = Catalog::new(Path::new("root"));
    let own = DatasetSource {
        name: "ytvis_2019_train".to_owned(),
        kind: DatasetKind::Coco,
        json: PathBuf::from("own.json"),
        image_root: PathBuf::from("images"),
        classes: None,
    };
    catalog.declare(own.clone());
    assert_eq!(catalog.get("ytvis_2019_train").unwrap(), own);
}

#[test]
fn files_are_found_in_the_folders_of_the_archives_and_of_other_programs() {
    let find = |folders: &[&str], files: &[&str], name: &str| {
        let root = tempfile::tempdir().unwrap();
        for folder in folders {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        for file in files {
            fs::create_dir_all(root.path().join(file).parent().unwrap()).unwrap();
            fs::write(root.path().join(file), "{}").unwrap();
        }
        let source = Catalog::new(root.path()).get(name).unwrap();
        let relative =
            |path: &Path| path.strip_prefix(root.path()).unwrap().to_str().unwrap().to_owned();
        [relative(&source.json), relative(&source.image_root)]
    };
    let unpacked =
        find(&["ytvis_2019/valid/JPEGImages"], &["ytvis_2019/valid.json"], "ytvis_2019_val");
    assert_eq!(unpacked, ["ytvis_2019/valid.json", "ytvis_2019/valid/JPEGImages"]);
    let unpacked = find(
        &["ytvis_2021/train/JPEGImages"],
        &["ytvis_2021/train/instances.json"],
        "ytvis_2021_train",
    );
    assert_eq!(unpacked, ["ytvis_2021/train/instances.json", "ytvis_2021/train/JPEGImages"]);
    let json = "youtube_vis_2019/annotations/youtube_vis_2019_train.json";
    let other = find(&["youtube_vis_2019/train/JPEGImages"], &[json], "ytvis_2019_train");
    assert_eq!(other, [json, "youtube_vis_2019/train/JPEGImages"]);
    let json = "coco/annotations/instances_train2017.json";
    assert_eq!(
        find(&["coco/images/train2017"], &[json], "coco_2017_train"),
        [json, "coco/images/train2017"]
    );
    // A part of a split is no other file of that split.
    let part = find(&["ovis/train"], &["ovis/annotations_train.json"], "ytvis_ovis_train_sub");
    assert_eq!(part, ["ovis/ovis_sub_train.json", "ovis/train"]);
}
