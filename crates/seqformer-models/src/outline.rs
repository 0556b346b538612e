//! The names and shapes of a checkpoint, without its numbers.

use std::path::Path;

use seqformer_checkpoint::key_map::{Dialect, Shapes, recognize, vnext_name};
use seqformer_checkpoint::{StateDict, read};

use crate::ModelsError;

/// The box heads are those of the decoder under a second name.
const SECOND_NAME: &str = "detr.detr.bbox_embed.";
/// Their first name.
const FIRST_NAME: &str = "detr.detr.transformer.decoder.bbox_embed.";

/// What tensors a checkpoint has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// Whose names it has.
    pub dialect: Dialect,
    /// Its tensors under the names of VNext, the box heads under their first name.
    pub shapes: Shapes,
}

impl Outline {
    /// Takes the names and shapes of a checkpoint.
    pub fn of(state: &StateDict) -> Self {
        let shapes = state.iter().map(|(name, array)| (name.as_str(), array.shape()));
        Self::of_shapes(recognize(state), shapes)
    }

    /// Takes names as `dialect` has them.
    pub fn of_shapes<'a>(
        dialect: Dialect,
        shapes: impl IntoIterator<Item = (&'a str, &'a [usize])>,
    ) -> Self {
        let in_vnext = |(name, shape): (&str, &[usize])| {
            let name = vnext_name(dialect, name)?;
            let first = name.strip_prefix(SECOND_NAME).map(|rest| format!("{FIRST_NAME}{rest}"));
            Some((first.unwrap_or(name), shape.to_vec()))
        };
        Self { dialect, shapes: shapes.into_iter().filter_map(in_vnext).collect() }
    }

    /// Reads a weight file.
    ///
    /// # Errors
    ///
    /// If it cannot be read; see [`seqformer_checkpoint::read`].
    pub fn read(path: &Path) -> Result<Self, ModelsError> {
        Ok(Self::of(&read(path)?))
    }
}
