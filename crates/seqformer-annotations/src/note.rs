//! Notes about what a reader dropped, counted over the file.

use std::fmt;

/// The subject of a note, and so the users whom it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Users of the objects.
    Objects,
    /// Users of boxes.
    Boxes,
    /// Users of areas.
    Areas,
    /// Users of the class numbers.
    Classes,
}

/// A note for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its subject.
    pub subject: Subject,
    /// The text, without a final full stop.
    pub text: String,
}

/// How often something happened, and where first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter {
    count: usize,
    first: String,
}

impl Counter {
    pub(crate) fn add(&mut self, count: usize, place: impl FnOnce() -> String) {
        if count > 0 && self.count == 0 {
            self.first = place();
        }
        self.count += count;
    }

    /// Appends the note, if anything was counted: `3 things …; first: place`.
    pub(crate) fn note(&self, notes: &mut Vec<Note>, subject: Subject, what: &str) {
        if self.count > 0 {
            let text = format!("{} {what}; the first is {}", self.count, self.first);
            notes.push(Note { subject, text });
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
