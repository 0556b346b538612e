//! One fault.

use std::fmt;
use std::path::{Path, PathBuf};

use seqformer_annotations::Fault;
use serde::Serialize;

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The dataset is read, but something of it is not what it seems.
    Warning,
    /// Reading fails here, or the entry is of no use.
    Error,
}

/// What kind of fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Two entries of a list have one id.
    DuplicateId,
    /// An annotation has the id 0, which COCO's tools never match.
    IdZero,
    /// A key occurs twice in an object.
    RepeatedKey,
    /// A field is missing or of the wrong kind.
    WrongField,
    /// A mark for crowds is neither 0 nor 1.
    CrowdMark,
    /// A video without frames.
    NoFrames,
    /// A video has another number of files than frames.
    LengthMismatch,
    /// A file occurs twice.
    FrameTwice,
    /// Two categories have one name, or one has none.
    CategoryName,
    /// An annotation is of a video or image that the file does not list.
    UnknownRecord,
    /// An annotation is of a category that the file does not list.
    UnknownCategory,
    /// A track has more or fewer entries than its video has frames.
    TrackLength,
    /// Run lengths that do not fit their size, or text that is no such code.
    BrokenMask,
    /// A mask has another size than its frame.
    MaskSize,
    /// A mask without pixels.
    EmptyMask,
    /// An object without any mask.
    NoMask,
    /// A polygon of fewer than three points.
    ShortPolygon,
    /// A polygon reaches outside of its frame.
    PolygonOutside,
    /// A box is not that of the mask.
    BoxMismatch,
    /// An area is not that of the mask.
    AreaMismatch,
    /// NaN or infinity, which JSON does not have.
    NotFinite,
    /// Two objects have the same masks.
    SameObject,
    /// An image file is missing.
    MissingFrame,
    /// An image file is broken.
    BrokenFrame,
    /// An image has another size than the file says.
    FrameSize,
    /// EXIF data turns an image, which not every tool follows.
    TurnedFrame,
}

/// A fault, where it is, and the mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What kind it is.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// The file: that of the annotations, or an image.
    pub file: PathBuf,
    /// The entry, such as `annotations[3] (id 4, video 17)`.
    pub entry: String,
    /// The frame within its video, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub mend: String,
    /// Whether `--fix` mends it.
    pub fixable: bool,
}

impl fmt::Display for Problem {
    /// Writes `file: entry: frame 3: error: what; mend`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, file, entry, frame, what, mend, .. } = self;
        write!(formatter, "{}: {entry}: ", file.display())?;
        if let Some(frame) = frame {
            write!(formatter, "frame {frame}: ")?;
        }
        let severity = match severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(formatter, "{severity}: {what}; {mend}")
    }
}

/// Makes a problem of a fault that `--fix` does not mend.
pub(super) fn problem(file: &Path, entry: &str, kind: Kind, fault: Fault) -> Problem {
    let severity = match kind {
        Kind::RepeatedKey
        | Kind::CrowdMark
        | Kind::NoFrames
        | Kind::LengthMismatch
        | Kind::FrameTwice
        | Kind::CategoryName
        | Kind::IdZero
        | Kind::EmptyMask
        | Kind::NoMask
        | Kind::ShortPolygon
        | Kind::PolygonOutside
        | Kind::BoxMismatch
        | Kind::AreaMismatch
        | Kind::SameObject
        | Kind::TurnedFrame => Severity::Warning,
        _ => Severity::Error,
    };
    let mend = fault.mend.clone();
    let what = Fault { mend: String::new(), ..fault }.to_string();
    Problem {
        kind,
        severity,
        file: file.to_path_buf(),
        entry: entry.to_owned(),
        frame: None,
        what,
        mend,
        fixable: false,
    }
}
