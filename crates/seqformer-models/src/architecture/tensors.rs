//! Looking up the tensors of a file.

use seqformer_checkpoint::key_map::{FURTHER_GROUPS, Shapes};

use super::ArchitectureError;

/// Where VNext keeps the image network.
pub(super) const BACKBONE: &str = "detr.detr.backbone.0.backbone.";
/// Stages of image networks of either kind.
pub(super) const STAGES: usize = 4;
/// More layers than any network has.
const MAX_LAYERS: usize = 1000;

/// The tensors of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tensors<'a>(pub(super) &'a Shapes);

impl Tensors<'_> {
    pub(super) fn has(self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The shape of a tensor that has to be there, with so many sides.
    pub(super) fn sides<const N: usize>(self, name: &str) -> Result<[usize; N], ArchitectureError> {
        let tensor = name.to_owned();
        let Some(found) = self.0.get(name) else {
            return Err(ArchitectureError::Missing { tensor });
        };
        <[usize; N]>::try_from(found.as_slice()).map_err(|_other| ArchitectureError::Contradicts {
            tensor,
            expected: format!("{N} dimensions"),
            found: found.clone(),
        })
    }

    /// How many tensors there are of names that count up from 0.
    pub(super) fn count(self, name: impl Fn(usize) -> String) -> usize {
        (0..MAX_LAYERS).take_while(|i| self.has(&name(*i))).count()
    }

    /// Makes sure that these are exactly the tensors that are expected, and those that only training has.
    pub(super) fn compare_with(self, expected: &Shapes) -> Result<(), ArchitectureError> {
        for (name, shape) in expected {
            match self.0.get(name) {
                None => return Err(ArchitectureError::Missing { tensor: name.clone() }),
                Some(found) if found != shape => {
                    return Err(ArchitectureError::Contradicts {
                        tensor: name.clone(),
                        expected: format!("{shape:?}"),
                        found: found.clone(),
                    });
                }
                Some(_) => {}
            }
        }
        match self.0.keys().find(|name| *name != FURTHER_GROUPS && !expected.contains_key(*name)) {
            Some(name) => Err(ArchitectureError::Unexpected { tensor: name.clone() }),
            None => Ok(()),
        }
    }
}
