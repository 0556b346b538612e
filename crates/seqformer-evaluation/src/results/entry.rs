//! Single results of a file, for whoever needs no annotations to compare them with.

use seqformer_annotations::{Fault, Id};
use seqformer_masks::Rle;

use super::{Results, StoredResult};
use crate::EvaluationError;

/// A result whose masks are decoded when they are asked for.
#[derive(Debug, Clone, Copy)]
pub struct ResultEntry<'a> {
    stored: &'a StoredResult,
    file: &'a Results,
}

impl<'a> ResultEntry<'a> {
    pub(crate) fn new(stored: &'a StoredResult, file: &'a Results) -> Self {
        Self { stored, file }
    }

    /// Returns the id of its video, as in the file.
    pub fn video_id(&self) -> &'a Id {
        &self.stored.video_id
    }

    /// Returns the id of its class, as in the file.
    pub fn category_id(&self) -> &'a Id {
        &self.stored.category_id
    }

    /// Returns how sure the model is.
    pub fn score(&self) -> f64 {
        self.stored.score
    }

    /// Returns its place in the file, counted from 0.
    pub fn index(&self) -> usize {
        self.stored.index
    }

    /// Decodes its masks, one per frame, nothing where the object is absent.
    ///
    /// # Errors
    ///
    /// A damaged mask; the message names the result and the frame.
    pub fn masks(&self) -> Result<Vec<Option<Rle>>, EvaluationError> {
        let decode = |(frame, stored): (usize, Option<_>)| {
            let Some((size, text)) = stored else { return Ok(None) };
            Rle::parse_compressed(size, text).map(Some).map_err(|error| {
                self.error(Fault::of_mask(&error).within(&format!("segmentations[{frame}]")))
            })
        };
        self.stored.masks.masks().enumerate().map(decode).collect()
    }

    /// Says of this result what is wrong with it.
    pub fn error(&self, fault: Fault) -> EvaluationError {
        self.file.entry_error(self.stored, fault)
    }
}
