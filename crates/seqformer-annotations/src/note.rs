//! Sentences about what a reader left out, each counted over the file.

use std::fmt;

/// What a note is about, and so whom it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Everyone who uses the objects.
    Objects,
    /// Those who use boxes.
    Boxes,
    /// Those who use areas.
    Areas,
    /// Those who number the classes.
    Classes,
}

/// A sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it is about.
    pub subject: Subject,
    /// The sentence, without a final dot.
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
