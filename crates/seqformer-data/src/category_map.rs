//! Maps categories of one dataset to those of another, for joint training.
//!
//! Reference: SeqFormer `datasets/coco2seq.py`, `category_map`.

use std::collections::BTreeSet;

use crate::{AnnotatedVideos, Categories, ClassTable};

/// Pairs of category ids: that of the source, and the corresponding one of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryMap {
    pairs: Vec<(u64, u64)>,
}

/// The two tables from COCO to YouTube-VIS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CocoTable {
    /// Without the reference's mistakes: a computer mouse is not an animal, and a frisbee is a
    /// flying disc.
    #[default]
    Corrected,
    /// The table that the published weights were trained with.
    Reference,
}

/// The ids in COCO, in YouTube-VIS 2019 and in 2021; 0 stands for none.
const COCO_TO_YTVIS: [(u64, u64, u64); 21] = [
    (1, 1, 26),
    (2, 21, 23),
    (3, 6, 5),
    (4, 21, 23),
    (5, 28, 1),
    (7, 17, 36),
    (8, 29, 37),
    (9, 34, 4),
    (16, 0, 3),
    (17, 14, 6),
    (18, 8, 9),
    (19, 18, 19),
    (21, 15, 7),
    (22, 32, 12),
    (23, 20, 2),
    (24, 30, 40),
    (25, 22, 18),
    (36, 33, 31),
    (41, 5, 29),
    (42, 27, 33),
    (43, 40, 34),
];
const COMPUTER_MOUSE: (u64, u64, u64) = (74, 24, 24);
const FRISBEE: (u64, u64, u64) = (34, 0, 14);

/// The ids in COCO and in OVIS. OVIS has a single class for vehicles and spells it "Vehical".
const COCO_TO_OVIS: [(u64, u64); 18] = [
    (1, 1),
    (2, 21),
    (3, 25),
    (4, 22),
    (5, 23),
    (6, 25),
    (8, 25),
    (9, 24),
    (16, 2),
    (17, 3),
    (18, 4),
    (19, 5),
    (20, 6),
    (21, 7),
    (22, 8),
    (23, 9),
    (24, 10),
    (25, 11),
];

impl CategoryMap {
    /// Creates a map from pairs of ids.
    pub fn new(pairs: Vec<(u64, u64)>) -> Self {
        Self { pairs }
    }

    /// Returns the map from COCO to a video dataset; `None` for COCO itself.
    ///
    /// Bicycles become motorbikes in both tables to YouTube-VIS. There is one table to OVIS, which
    /// the reference does not have.
    pub fn from_coco(target: ClassTable, table: CocoTable) -> Option<Self> {
        let last = match table {
            CocoTable::Corrected => FRISBEE,
            CocoTable::Reference => COMPUTER_MOUSE,
        };
        let rows = COCO_TO_YTVIS.into_iter().chain([last]);
        let pairs: Vec<(u64, u64)> = match target {
            ClassTable::Ytvis2019 => rows.map(|(coco, ytvis, _)| (coco, ytvis)).collect(),
            ClassTable::Ytvis2021 => rows.map(|(coco, _, ytvis)| (coco, ytvis)).collect(),
            ClassTable::Ovis => return Some(Self::new(COCO_TO_OVIS.to_vec())),
            ClassTable::Coco => return None,
        };
        Some(Self::new(pairs.into_iter().filter(|&(_, ytvis)| ytvis != 0).collect()))
    }

    /// Returns the map between categories of equal names, ignoring case, blanks and underscores.
    pub fn by_name(from: &Categories, to: &Categories) -> Self {
        let plain = |name: &String| name.to_lowercase().replace(['_', '-'], " ");
        let targets: Vec<(String, u64)> =
            to.names().iter().map(plain).zip(to.ids().iter().copied()).collect();
        let target = |name: &String| {
            let name = plain(name);
            targets.iter().find(|(known, _)| *known == name).map(|&(_, id)| id)
        };
        let pairs = from.ids().iter().zip(from.names());
        Self::new(pairs.filter_map(|(&id, name)| Some((id, target(name)?))).collect())
    }

    /// Returns the pairs.
    pub fn pairs(&self) -> &[(u64, u64)] {
        &self.pairs
    }

    /// Returns the target id of a source id.
    pub fn get(&self, id: u64) -> Option<u64> {
        self.pairs.iter().find(|(from, _)| *from == id).map(|&(_, to)| to)
    }

    /// Gives the objects of `dataset` the categories `target`; drops objects without one, and then
    /// records without objects.
    ///
    /// In a record that lists its exhaustive categories, those of `target` are exhaustive whose sources all are, and of
    /// which there is one.
    pub fn apply(&self, mut dataset: AnnotatedVideos, target: &Categories) -> AnnotatedVideos {
        let new_category = |&id: &u64| self.get(id).and_then(|id| target.contiguous(id));
        let categories: Vec<Option<usize>> =
            dataset.categories.ids().iter().map(new_category).collect();
        for video in &mut dataset.videos {
            video.tracks.retain_mut(|track| {
                let category = categories.get(track.category).copied().flatten();
                track.category = category.unwrap_or_default();
                category.is_some()
            });
            video.exhaustive = video.exhaustive.take().map(|from| exhaustive(&categories, &from));
        }
        dataset.videos.retain(|video| !video.tracks.is_empty());
        dataset.categories = target.clone();
        dataset
    }
}

/// The targets of `categories`, by source, of which no source is missing in `from`.
fn exhaustive(categories: &[Option<usize>], from: &[usize]) -> Vec<usize> {
    let (mut complete, mut incomplete) = (BTreeSet::new(), BTreeSet::new());
    for (source, target) in categories.iter().enumerate() {
        if from.contains(&source) { &mut complete } else { &mut incomplete }.extend(target);
    }
    complete.difference(&incomplete).copied().collect()
}

#[cfg(test)]
mod tests;
