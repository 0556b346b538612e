//! Operations on weight files: inspect, convert, compare, merge.

mod architecture;
mod convert;
mod diff;
mod inspect;
mod merge;

pub use architecture::Architecture;
pub use convert::{Conversion, TargetDialect, TargetFormat, TargetPrecision, convert};
pub use diff::{Changed, Diff, diff};
pub use inspect::{Inspection, inspect};
pub use merge::{MergeSource, Merged, MergedPart, merge, unused_renames};
