//! Names on both sides, and what is dropped.

use std::path::PathBuf;

use seqformer_masks::ImageSize;

use super::*;
use crate::{TrackAnnotation, VideoRecord};

/// The pairs of names of a map from COCO.
fn names(target: ClassTable, table: CocoTable) -> Vec<(String, String)> {
    let map = CategoryMap::from_coco(target, table).unwrap();
    let name = |categories: &Categories, id: u64| {
        categories.names()[categories.contiguous(id).unwrap()].clone()
    };
    let (coco, ytvis) = (ClassTable::Coco.categories(), target.categories());
    map.pairs.iter().map(|&(from, to)| (name(&coco, from), name(&ytvis, to))).collect()
}

#[test]
fn names_agree_except_where_ytvis_has_another_word() {
    let words = [
        ("bicycle", "motorbike"),
        ("motorcycle", "motorbike"),
        ("car", "sedan"),
        ("tennis racket", "tennis_racket"),
        ("frisbee", "flying_disc"),
    ];
    for target in [ClassTable::Ytvis2019, ClassTable::Ytvis2021] {
        let corrected = names(target, CocoTable::Corrected);
        for (coco, ytvis) in &corrected {
            let is_other_word = words.contains(&(coco.as_str(), ytvis.as_str()));
            assert!(coco == ytvis || is_other_word, "{coco} became {ytvis}");
        }
        let reference = names(target, CocoTable::Reference);
        assert!(reference.iter().any(|(coco, _)| coco == "mouse"));
        assert!(!corrected.iter().any(|(coco, _)| coco == "mouse"));
    }
    assert_eq!(names(ClassTable::Ytvis2019, CocoTable::Reference).len(), 21);
    assert_eq!(names(ClassTable::Ytvis2021, CocoTable::Reference).len(), 22);
    let words = [("bus", "Vehical"), ("car", "Vehical"), ("truck", "Vehical")];
    for (coco, ovis) in names(ClassTable::Ovis, CocoTable::Corrected) {
        let is_other_word = words.contains(&(coco.as_str(), ovis.as_str()));
        assert!(coco == ovis.to_lowercase() || is_other_word, "{coco} became {ovis}");
    }
    assert_eq!(CategoryMap::from_coco(ClassTable::Coco, CocoTable::Corrected), None);
}

#[test]
fn equal_names_meet_whatever_their_case_and_their_ids() {
    let categories = |pairs: &[(u64, &str)]| {
        Categories::new(pairs.iter().map(|&(id, name)| (id, name.to_owned())).collect())
    };
    let from = categories(&[(3, "tennis racket"), (7, "Dog"), (9, "kettle")]);
    let to = categories(&[(1, "dog"), (2, "tennis_racket"), (5, "cat")]);
    assert_eq!(CategoryMap::by_name(&from, &to).pairs(), [(3, 2), (7, 1)]);
}

#[test]
fn objects_without_a_category_and_records_without_objects_are_dropped() {
    let coco = ClassTable::Coco.categories();
    let track = |id: u64| TrackAnnotation {
        id,
        category: coco.contiguous(id).unwrap(),
        is_crowd: false,
        frames: Vec::new(),
    };
    let video = |id: u64, categories: &[u64]| VideoRecord {
        id,
        frames: Vec::new(),
        size: ImageSize { height: 1, width: 1 },
        tracks: categories.iter().map(|&id| track(id)).collect(),
        exhaustive: None,
    };
    let dataset = AnnotatedVideos {
        path: PathBuf::from("coco.json"),
        categories: coco.clone(),
        // A dog and a chair; a chair alone; a person.
        videos: vec![video(1, &[18, 62]), video(2, &[62]), video(3, &[1])],
        notes: Vec::new(),
        video_ids: Default::default(),
        category_ids: Default::default(),
    };
    let target = ClassTable::Ytvis2019.categories();
    let map = CategoryMap::from_coco(ClassTable::Ytvis2019, CocoTable::Corrected).unwrap();
    let mapped = map.apply(dataset, &target);
    let found: Vec<(u64, Vec<&str>)> = mapped
        .videos
        .iter()
        .map(|video| {
            let name = |track: &TrackAnnotation| target.names()[track.category].as_str();
            (video.id, video.tracks.iter().map(name).collect())
        })
        .collect();
    assert_eq!(found, [(1, vec!["dog"]), (3, vec!["person"])]);
    assert_eq!(mapped.categories, target);
}

#[test]
fn a_class_is_complete_if_all_that_become_it_are() {
    let named = |names: &[&str]| {
        Categories::new((1..).zip(names.iter().map(|&name| name.to_owned())).collect())
    };
    let (source, target) =
        (named(&["cat", "dog", "tree", "car"]), named(&["car", "bird", "animal"]));
    // Cat and dog become animal, the tree nothing, and no source becomes bird.
    let map = CategoryMap::new(vec![(1, 3), (2, 3), (4, 1)]);
    let check = |complete: Option<Vec<usize>>, expected: Option<Vec<usize>>| {
        let track = TrackAnnotation { id: 1, category: 0, is_crowd: false, frames: Vec::new() };
        let video = VideoRecord {
            id: 1,
            frames: Vec::new(),
            size: ImageSize { height: 1, width: 1 },
            tracks: vec![track],
            exhaustive: complete,
        };
        let dataset = AnnotatedVideos {
            path: PathBuf::from("pets.json"),
            categories: source.clone(),
            videos: vec![video],
            notes: Vec::new(),
            video_ids: Default::default(),
            category_ids: Default::default(),
        };
        assert_eq!(map.apply(dataset, &target).videos[0].exhaustive, expected);
    };
    check(None, None);
    check(Some(vec![0, 1, 2]), Some(vec![2]));
    check(Some(vec![1, 3]), Some(vec![0]));
    check(Some(vec![0, 1, 2, 3]), Some(vec![0, 2]));
}
