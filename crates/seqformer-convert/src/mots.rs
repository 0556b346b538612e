//! The numbers of MOTS and KITTI-MOTS: class times 1000, plus the object; 10000 is a region to be ignored.
//!
//! Reference: "MOTS: Multi-Object Tracking and Segmentation" and its `mots_tools`; the names of classes stand in
//! `labels.txt`, line by line from class 1 on, as datumaro has them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::builder::Seen;
use crate::dataset::{Category, Dataset, Shape, Track, Video};
use crate::notes::Notes;
use crate::{ConvertError, builder, ids, text_file};

/// A region to be ignored.
pub(crate) const IGNORED: u32 = 10_000;
/// Number of objects that a class has room for.
const PER_CLASS: u32 = 1000;
/// The largest class of which all objects fit into 16 bits.
const MAX_CLASS: i64 = 64;
/// The file with the names of classes.
pub(crate) const LABELS: &str = "labels.txt";

/// The parts of an object's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code {
    /// The class.
    pub(crate) category_id: i64,
    /// The object within the class.
    pub(crate) instance: i64,
    /// Whether it is a region to be ignored.
    pub(crate) is_ignored: bool,
}

impl Code {
    /// Splits a number into its parts.
    pub(crate) fn from_value(value: u32) -> Self {
        let (category_id, instance) = (i64::from(value / PER_CLASS), i64::from(value % PER_CLASS));
        Self { category_id, instance, is_ignored: value == IGNORED }
    }
}

/// Decides which number an object gets: that within its class, if no two classes of a video share one; otherwise
/// the whole number.
pub(crate) fn keeps_instances(videos: impl Iterator<Item = BTreeSet<u32>>) -> bool {
    videos.into_iter().all(|values| {
        let objects: Vec<i64> = values
            .iter()
            .map(|&value| Code::from_value(value))
            .filter(|code| !code.is_ignored)
            .map(|code| code.instance)
            .collect();
        objects.iter().collect::<BTreeSet<_>>().len() == objects.len()
    })
}

/// Names the classes: by `labels.txt`, by those of KITTI-MOTS, or by their number.
pub(crate) fn categories(names: Option<Vec<String>>, seen: &BTreeSet<i64>) -> Vec<Category> {
    let Some(names) = names else {
        let name = |id: i64| match id {
            1 => Some("car"),
            2 => Some("pedestrian"),
            _ => None,
        };
        return builder::categories(seen, name);
    };
    let mut categories: Vec<Category> = (1..)
        .zip(names)
        .filter(|(id, name)| *name != unused(*id))
        .map(|(id, name)| Category { id, name })
        .collect();
    for &id in seen {
        if categories.iter().all(|category| category.id != id) {
            categories.push(Category { id, name: format!("class_{id}") });
        }
    }
    categories
}

/// Reads `labels.txt` from the first folder that has it; `None` if no folder does.
///
/// # Errors
///
/// A file that exists and cannot be read.
pub(crate) fn read_labels(folders: &[&Path]) -> Result<Option<Vec<String>>, ConvertError> {
    for folder in folders {
        let path = folder.join(LABELS);
        if path.is_file() {
            return Ok(Some(text_file::read(&path)?.lines().map(str::to_owned).collect()));
        }
    }
    Ok(None)
}

/// The name of a line of `labels.txt` whose number is no class.
fn unused(id: i64) -> String {
    format!("unused_{id}")
}

/// The numbers for a dataset that is written.
#[derive(Debug)]
pub(crate) struct Codes {
    /// The number in the file of every class.
    classes: BTreeMap<i64, u32>,
    /// The text of `labels.txt`.
    pub(crate) labels: String,
}

impl Codes {
    /// Numbers the classes: as they are if they fit, otherwise from 1.
    pub(crate) fn new(dataset: &Dataset, notes: &mut Notes) -> Self {
        let all_fit =
            dataset.categories.iter().all(|category| (1..=MAX_CLASS).contains(&category.id));
        if !all_fit {
            notes.say("MOTS has classes 1 to 64: classes are numbered from 1");
        }
        let number = |(index, category): (usize, &Category)| {
            let number = if all_fit { category.id } else { index as i64 + 1 };
            (number <= MAX_CLASS).then_some((category.id, number as u32))
        };
        let classes: BTreeMap<i64, u32> =
            dataset.categories.iter().enumerate().filter_map(number).collect();
        let by_number: BTreeMap<u32, i64> =
            classes.iter().map(|(&id, &number)| (number, id)).collect();
        let last = by_number.last_key_value().map_or(0, |(&number, _)| number);
        let line = |number: u32| match by_number.get(&number) {
            // Every name is one line of the file.
            Some(&id) => dataset.category_name(id).replace(['\r', '\n'], " "),
            None => unused(i64::from(number)),
        };
        let labels = (1..=last).map(|number| line(number) + "\n").collect();
        Self { classes, labels }
    }

    /// Numbers the objects of a video by their ids.
    pub(crate) fn of_video(&self, video: &Video, notes: &mut Notes) -> BTreeMap<i64, u32> {
        let instances = ids::within(video, PER_CLASS - 1, notes);
        let code = |(track, instance): (&Track, Option<u32>)| {
            if track.is_ignored {
                return Some((track.id, IGNORED));
            }
            let class = self.classes.get(&track.category_id);
            if class.is_none() {
                notes.count(
                    "objects are left out, because the format has no number for their class",
                    || video.track_place(track),
                );
            }
            Some((track.id, class? * PER_CLASS + instance?))
        };
        video.tracks.iter().zip(instances).filter_map(code).collect()
    }
}

/// The note about regions to be ignored in a dataset without classes.
pub(crate) const NO_CLASS: &str =
    "regions to be ignored are left out, because there is no object and so no class";

/// Converts a number into an object on a frame; `None` for a region to be ignored if the dataset has no class.
pub(crate) fn seen(
    value: u32,
    (frame, shape): (usize, Shape),
    keeps_instances: bool,
    any_category: Option<i64>,
) -> Option<Seen> {
    let code = Code::from_value(value);
    let category_id = if code.is_ignored { any_category? } else { code.category_id };
    let is_instance = keeps_instances && !code.is_ignored;
    let id = if is_instance { code.instance } else { i64::from(value) };
    Some(Seen { is_ignored: code.is_ignored, ..Seen::new(id, frame, category_id, shape) })
}
