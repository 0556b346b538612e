//! The ids of videos, images, categories and annotations.
//!
//! The official tools use ids as dictionary keys, so strings (such as file stems) work as well as
//! numbers, and `1.0` equals `1`. Inside the program every id is a number of 0 or more.

use std::fmt;

use serde_json::Value;

use crate::value::{non_finite, whole_number};

/// An id as written in a file.
///
/// Numbers sort before strings, and strings by their characters, as in Python.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// An integer, possibly written with a fraction of zero.
    Number(i64),
    /// A string.
    Text(Box<str>),
}

impl Id {
    /// Reads an id; `None` if the value is neither an integer nor a string.
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) if non_finite(value).is_none() => {
                Some(Self::Text(text.as_str().into()))
            }
            Value::Number(_) => whole_number(value).map(Self::Number),
            _ => None,
        }
    }
}

impl From<i64> for Id {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl fmt::Display for Id {
    /// Writes the id as in JSON, with strings in quotes.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Text(text) => write!(formatter, "{}", Value::from(&**text)),
        }
    }
}

/// How the ids of a list map to numbers.
///
/// Numbers of 0 or more are kept. If there is any other id, all are numbered from 1 in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    /// All ids in order; empty if ids are kept as numbers.
    ranked: Vec<Id>,
}

impl Ids {
    /// Examines all ids of a list.
    pub fn new<'a>(ids: impl Iterator<Item = &'a Id> + Clone) -> Self {
        if ids.clone().all(|id| matches!(id, Id::Number(0..))) {
            return Self::default();
        }
        let mut ranked: Vec<Id> = ids.cloned().collect();
        ranked.sort_unstable();
        ranked.dedup();
        Self { ranked }
    }

    /// Whether ids are numbered by their order instead of being kept.
    pub fn are_ranked(&self) -> bool {
        !self.ranked.is_empty()
    }

    /// Returns the number of an id, which need not be in the list; `None` if it has none.
    pub fn number(&self, id: &Id) -> Option<i64> {
        if self.are_ranked() {
            return self.ranked.binary_search(id).ok().map(|rank| rank as i64 + 1);
        }
        match id {
            Id::Number(number @ 0..) => Some(*number),
            _ => None,
        }
    }

    /// Returns the id for a number, as written in the file.
    pub fn id(&self, number: i64) -> Id {
        let rank = usize::try_from(number - 1).ok();
        rank.and_then(|rank| self.ranked.get(rank)).cloned().unwrap_or(Id::Number(number))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Id, Ids};

    #[test]
    fn whole_numbers_are_ids_however_they_are_written() {
        for (value, expected) in [
            (json!(7), Some(Id::Number(7))),
            (json!(7.0), Some(Id::Number(7))),
            (json!(-3), Some(Id::Number(-3))),
            (json!("a_1"), Some(Id::Text("a_1".into()))),
            (json!(7.5), None),
            (json!(1e300), None),
            (json!(u64::MAX), None),
            (json!(null), None),
            (json!([7]), None),
        ] {
            assert_eq!(Id::read(&value), expected, "{value}");
        }
    }

    #[test]
    fn numbers_stay_and_texts_are_numbered_in_their_order() {
        let number = |number: i64| Id::Number(number);
        let text = |text: &str| Id::Text(text.into());
        let plain = Ids::new([number(5), number(0)].iter());
        assert!(!plain.are_ranked());
        assert_eq!(plain.number(&number(5)), Some(5));
        assert_eq!(plain.number(&text("5")), None);
        assert_eq!(plain.number(&number(-1)), None);
        assert_eq!(plain.id(5), number(5));
        let texts = [text("b"), text("a"), text("B")];
        let ranked = Ids::new(texts.iter());
        assert_eq!(
            ["B", "a", "b", "c"].map(|name| ranked.number(&text(name))),
            [Some(1), Some(2), Some(3), None]
        );
        assert_eq!((ranked.id(3), ranked.id(4)), (text("b"), number(4)));
        let negative = Ids::new([number(4), number(-9)].iter());
        assert_eq!([-9, 4].map(|id| negative.number(&number(id))), [Some(1), Some(2)]);
    }
}
