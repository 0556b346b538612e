//! Reading YAML files.

mod base;
mod load;
mod scalar;

pub(crate) use base::load_with_base;
pub(crate) use load::{Content, Field, Node, parse};
pub(crate) use scalar::resolve as resolve_scalar;
