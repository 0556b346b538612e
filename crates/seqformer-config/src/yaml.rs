//! Reading YAML files.

mod base;
mod load;
mod node;
mod scalar;
mod tag;

pub(crate) use base::load_with_base;
pub(crate) use load::parse;
pub(crate) use node::{Content, Field, Node};
pub(crate) use scalar::resolve as resolve_scalar;
