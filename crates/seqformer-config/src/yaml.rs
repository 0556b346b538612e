//! Reading and writing YAML files.

mod base;
mod dump;
mod load;
mod scalar;

pub(crate) use base::load_with_base;
pub(crate) use dump::dump;
pub(crate) use load::{Content, Field, Node, parse};
