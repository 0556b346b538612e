//! `SOLVER.CLIP_GRADIENTS`.

use super::choice::choice;
use super::read::Reader;
use super::section::section;
use crate::ConfigError;
use crate::spec::Shown::{self, By};
use crate::spec::tests_in::BUILDER;

const REACHED: Shown = By(BUILDER, "settings_of_the_solver_reach_the_optimizer");

section! {
    /// `SOLVER.CLIP_GRADIENTS`.
    pub struct ClipGradientsSection {
        enabled: bool = "SOLVER.CLIP_GRADIENTS.ENABLED" or "False", Reader::bool,
            "Limits the gradients.", REACHED;
        clip_type: ClipType = "SOLVER.CLIP_GRADIENTS.CLIP_TYPE" or "'value'", Reader::choice,
            "What is limited: full_model, value or norm.", REACHED;
        clip_value: f64 = "SOLVER.CLIP_GRADIENTS.CLIP_VALUE" or "1.0", Reader::non_negative,
            "The limit.", REACHED;
        norm_type: f64 = "SOLVER.CLIP_GRADIENTS.NORM_TYPE" or "2.0", norm_type,
            "The p of the norm of CLIP_TYPE norm.", REACHED;
    }
}

choice! {
    /// `SOLVER.CLIP_GRADIENTS.CLIP_TYPE`.
    pub enum ClipType {
        /// `full_model`: the 2-norm over all parameters.
        FullModel = "full_model",
        /// `value`: each element.
        Value = "value",
        /// `norm`: the norm of each parameter.
        Norm = "norm",
    }
}

/// May be infinite.
fn norm_type(reader: &Reader<'_>, key: &str) -> Result<f64, ConfigError> {
    let norm_type = reader.float_or_infinity(key)?;
    if norm_type <= 0.0 {
        return Err(reader.fail(key, "a number above 0"));
    }
    Ok(norm_type)
}
