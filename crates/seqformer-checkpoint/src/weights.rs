//! Operations on weight files: inspect, convert, compare.

mod architecture;
mod convert;
mod diff;
mod inspect;

pub use architecture::Architecture;
pub use convert::{Conversion, TargetDialect, TargetFormat, TargetPrecision, convert};
pub use diff::{Changed, Diff, diff};
pub use inspect::{Inspection, inspect};
