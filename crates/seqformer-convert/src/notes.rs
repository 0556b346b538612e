//! What was left out or changed, counted.

/// Sentences about what a format cannot hold, each with its number of cases and the first place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    counted: Vec<Counted>,
    sentences: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Counted {
    what: &'static str,
    count: usize,
    first: String,
}

impl Notes {
    /// Counts one more of `what`, which goes on after the number: `3 objects have no mask`.
    pub fn count(&mut self, what: &'static str, place: impl FnOnce() -> String) {
        if let Some(counted) = self.counted.iter_mut().find(|counted| counted.what == what) {
            counted.count += 1;
        } else {
            self.counted.push(Counted { what, count: 1, first: place() });
        }
    }

    /// Adds a sentence about the whole dataset, without a final dot.
    pub fn say(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !self.sentences.contains(&sentence) {
            self.sentences.push(sentence);
        }
    }

    /// Adds the notes about another part of the dataset, which comes later.
    pub fn add(&mut self, later: Self) {
        for sentence in later.sentences {
            self.say(sentence);
        }
        for counted in later.counted {
            match self.counted.iter_mut().find(|earlier| earlier.what == counted.what) {
                Some(earlier) => earlier.count += counted.count,
                None => self.counted.push(counted),
            }
        }
    }

    /// Rewrites the places and sentences.
    pub(crate) fn reword(&mut self, words: impl Fn(&str) -> String) {
        for counted in &mut self.counted {
            counted.first = words(&counted.first);
        }
        for sentence in &mut self.sentences {
            *sentence = words(sentence);
        }
    }

    /// Returns all sentences, without final dots.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let counted = self
            .counted
            .iter()
            .map(|Counted { what, count, first }| format!("{count} {what}; the first is {first}"));
        self.sentences.iter().cloned().chain(counted)
    }

    /// Returns whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.counted.is_empty() && self.sentences.is_empty()
    }
}
