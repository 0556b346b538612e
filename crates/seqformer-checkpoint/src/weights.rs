//! What one does with weight files: look into them, translate them, compare them.

mod architecture;
mod convert;
mod diff;
mod inspect;

pub use architecture::Architecture;
pub use convert::{Conversion, Existing, TargetDialect, TargetFormat, TargetPrecision, convert};
pub use diff::{Changed, Diff, diff};
pub use inspect::{Inspection, inspect};
