//! The categories of a dataset.

use seqformer_annotations::{Category, CategoryList};

/// Categories ordered by id; the position is the contiguous id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Categories {
    ids: Vec<u64>,
    names: Vec<String>,
}

impl Categories {
    /// Sorts pairs of id and name; the first of equal ids wins.
    pub fn new(mut categories: Vec<(u64, String)>) -> Self {
        categories.sort_by_key(|&(id, _)| id);
        categories.dedup_by_key(|&mut (id, _)| id);
        let (ids, names) = categories.into_iter().unzip();
        Self { ids, names }
    }

    /// Returns the number of categories.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns whether there are no categories.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns the names, by contiguous id.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the ids of the file, ascending.
    pub fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// Returns the contiguous id of a file's category id.
    pub fn contiguous(&self, id: u64) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }

    /// Returns the contiguous ids of a list of a file's category ids, if there is a list.
    pub(crate) fn contiguous_list(&self, ids: Option<&[i64]>) -> Option<Vec<usize>> {
        let contiguous = |&id: &i64| self.contiguous(u64::try_from(id).ok()?);
        ids.map(|ids| ids.iter().filter_map(contiguous).collect())
    }

    /// Converts the categories of a file.
    pub(crate) fn of_list(list: &CategoryList) -> Self {
        let pair = |category: &Category| (category.id as u64, category.name.clone());
        Self::new(list.by_id.values().map(pair).collect())
    }
}
