//! The classes of which every object of a video or image is annotated.
//!
//! Reference: LVIS (arXiv:1908.03195), section 3.1, for `not_exhaustive_category_ids` and `neg_category_ids`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::list::{CategoryList, find};
use crate::value::describe;
use crate::{Entry, Fault, Id};

/// The classes of which every object is annotated, or verified to be absent.
const EXHAUSTIVE: &str = "exhaustive_category_ids";
/// LVIS: classes with annotations, of which there are more objects than annotations.
const NOT_EXHAUSTIVE: &str = "not_exhaustive_category_ids";
/// LVIS: classes that are verified to be absent.
const NEGATIVE: &str = "neg_category_ids";

/// The fields of a video or image that list ids of categories: `exhaustive_category_ids`, and those of LVIS.
pub const LISTS_OF_CATEGORIES: [&str; 3] = [EXHAUSTIVE, NOT_EXHAUSTIVE, NEGATIVE];

/// Reads a list of ids of categories from a video or image; `None` if it is absent.
///
/// # Errors
///
/// Anything but a list of ids.
pub fn read_category_ids(entry: &Entry, field: &str) -> Result<Option<Vec<Id>>, Fault> {
    const EXPECTED: &str = "a list of the ids of categories";
    const MEND: &str = "write the ids in square brackets, or remove the field";
    let Some(value) = entry.get(field) else { return Ok(None) };
    let Value::Array(list) = value else {
        return Err(Fault::new(field, EXPECTED, describe(value), MEND));
    };
    let id = |value: &Value| {
        Id::read(value).ok_or_else(|| Fault::new(field, EXPECTED, describe(value), MEND))
    };
    list.iter().map(id).collect::<Result<_, Fault>>().map(Some)
}

/// The lists of a video or image before the categories are known.
#[derive(Debug, Clone, Default)]
pub struct LabelLists {
    exhaustive: Option<Vec<Id>>,
    not_exhaustive: Option<Vec<Id>>,
    negative: Option<Vec<Id>>,
}

impl LabelLists {
    /// Reads the lists of a video or image.
    ///
    /// # Errors
    ///
    /// Those of [`read_category_ids`].
    pub fn read(entry: &Entry) -> Result<Self, Fault> {
        Ok(Self {
            exhaustive: read_category_ids(entry, EXHAUSTIVE)?,
            not_exhaustive: read_category_ids(entry, NOT_EXHAUSTIVE)?,
            negative: read_category_ids(entry, NEGATIVE)?,
        })
    }

    /// Returns the exhaustive categories in order; `None` if all of them are.
    ///
    /// By LVIS's lists, these are the categories with annotations, `annotated`, without those that are not exhaustive,
    /// and those that are absent.
    ///
    /// # Errors
    ///
    /// The id of a category that the file does not list.
    pub fn resolve(
        &self,
        categories: &CategoryList,
        annotated: Option<&BTreeSet<i64>>,
    ) -> Result<Option<Box<[i64]>>, Fault> {
        let numbers = |ids: &Option<Vec<Id>>, field: &str| {
            let number = |(index, id): (usize, &Id)| {
                categories.number_in_list((field, index), id).transpose()
            };
            let ids = ids.iter().flatten().enumerate().filter_map(number);
            ids.collect::<Result<BTreeSet<i64>, Fault>>()
        };
        let given = numbers(&self.exhaustive, EXHAUSTIVE)?;
        let not_exhaustive = numbers(&self.not_exhaustive, NOT_EXHAUSTIVE)?;
        let mut found = numbers(&self.negative, NEGATIVE)?;
        if self.exhaustive.is_some() {
            found = given;
        } else if self.negative.is_none() && self.not_exhaustive.is_none() {
            return Ok(None);
        } else {
            found.extend(annotated.into_iter().flatten());
            found.retain(|id| !not_exhaustive.contains(id));
        }
        Ok(Some(found.into_iter().collect()))
    }
}

impl CategoryList {
    /// Finds the category that an element of a list refers to; nothing if it is one that TAO leaves out.
    fn number_in_list(&self, (field, index): (&str, usize), id: &Id) -> Result<Option<i64>, Fault> {
        if self.is_of_tao {
            return Ok(self.find_merged(id));
        }
        let field = format!("{field}[{index}]");
        find((&self.ids, &self.by_id), (&field, "category"), id).map(|(number, _)| Some(number))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{AnnotationError, CocoFile, YtvisFile};

    fn coco(fields: &Value) -> Result<Option<Box<[i64]>>, AnnotationError> {
        let mut image = json!({"id": 4, "height": 4, "width": 6, "file_name": "a.jpg"});
        image.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let object = |id: i64, category: i64| {
            json!({"id": id, "image_id": 4, "category_id": category,
                   "segmentation": {"size": [4, 6], "counts": [5, 2, 17]}})
        };
        let categories: Vec<Value> =
            [5, 2, 9, 7].iter().map(|id| json!({"id": id, "name": format!("c{id}")})).collect();
        let file = json!({"images": [image], "categories": categories,
                          "annotations": [object(1, 9), object(2, 2), object(3, 9)]});
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, file.to_string()).unwrap();
        Ok(CocoFile::read(&path)?.images[&4].exhaustive.clone())
    }

    #[test]
    fn lists_say_which_classes_are_complete() {
        let check = |fields: Value, expected: Option<&[i64]>| {
            assert_eq!(coco(&fields).unwrap().as_deref(), expected, "{fields}");
        };
        check(json!({}), None);
        check(json!({"exhaustive_category_ids": null}), None);
        check(json!({"exhaustive_category_ids": []}), Some(&[]));
        check(json!({"exhaustive_category_ids": [9, 2.0, 9]}), Some(&[2, 9]));
        // LVIS: what is annotated or absent, without what has more objects than annotations.
        check(json!({"neg_category_ids": [7]}), Some(&[2, 7, 9]));
        check(json!({"not_exhaustive_category_ids": [9], "neg_category_ids": [7]}), Some(&[2, 7]));
        check(json!({"not_exhaustive_category_ids": []}), Some(&[2, 9]));
        check(json!({"exhaustive_category_ids": [5], "neg_category_ids": [7]}), Some(&[5]));
    }

    #[test]
    fn wrong_lists_name_the_entry_and_the_element() {
        let check = |fields: Value, expected: &str| {
            let said = coco(&fields).unwrap_err().to_string();
            assert!(said.contains("images[0] (id 4)") && said.contains(expected), "{said}");
        };
        let unknown =
            "exhaustive_category_ids[1]: expected the id of a category of the file, found 3";
        check(json!({"exhaustive_category_ids": [5, 3]}), unknown);
        check(json!({"neg_category_ids": 5}), "neg_category_ids: expected a list of the ids");
        check(json!({"neg_category_ids": [[5]]}), "found [5]");
    }

    #[test]
    fn videos_have_the_same_lists() {
        let track = json!({"id": 1, "video_id": 8, "category_id": 5, "segmentations": [null]});
        let file = json!({
            "videos": [{"id": 8, "height": 4, "width": 6, "length": 1, "neg_category_ids": [2]},
                       {"id": 9, "height": 4, "width": 6, "length": 1, "exhaustive_category_ids": [2]},
                       {"id": 10, "height": 4, "width": 6, "length": 1}],
            "categories": [{"id": 5, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3, "name": "c"}],
            "annotations": [track]});
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, file.to_string()).unwrap();
        for read in [YtvisFile::read, YtvisFile::read_compact] {
            let videos = read(&path).unwrap().videos;
            let found = [8, 9, 10].map(|id| videos[&id].exhaustive.as_deref());
            assert_eq!(found, [Some(&[2, 5][..]), Some(&[2][..]), None]);
        }
    }
}
