//! A doctor for datasets: every fault of an annotation file and of its frames, with the mend.
//!
//! The readers stop at the first entry that is wrong. Here all entries are looked at, each on its own.

mod annotations;
mod comparison;
mod examination;
mod fix;
mod frames;
mod problem;
mod records;

use std::path::{Path, PathBuf};

use seqformer_annotations::Fault;

pub use self::problem::{Kind, Problem, Severity};

use self::records::Records;
use crate::{ConvertError, Format, Input, guess};

/// What is to be examined.
#[derive(Debug, Clone)]
pub struct Checkup {
    /// A YouTube-VIS or COCO file, or a zip archive with one.
    pub file: PathBuf,
    /// The folder of the images; `None` not to open them.
    pub images: Option<PathBuf>,
    /// Where to write the file with all mended that needs no guess.
    pub fix: Option<PathBuf>,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The faults: of videos and images, of categories, of annotations, of frames.
    pub problems: Vec<Problem>,
    /// Whether the file has videos, not images.
    pub has_videos: bool,
    /// How many videos (or images) the file has.
    pub num_records: usize,
    /// How many annotations.
    pub num_annotations: usize,
    /// How many frames were opened.
    pub num_frames: usize,
    /// How many entries were mended in the new file.
    pub num_fixed: usize,
}

/// Examines a dataset; `progress` is told how many frames are done, and of how many.
///
/// # Errors
///
/// A file that cannot be read at all, is no such file, or cannot be written.
pub fn check(
    checkup: &Checkup,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Report, ConvertError> {
    let input = Input::open(&checkup.file, None)?;
    let checked = check_open(input.path(), checkup, progress);
    let mut report =
        checked.map_err(|error| input.error(in_words_of_format(error, input.path())))?;
    for problem in report.problems.iter_mut().filter(|_| input.is_archive()) {
        problem.file = input.words(&problem.file.to_string_lossy()).into();
    }
    Ok(report)
}

/// Says what a file is that is none of YouTube-VIS or COCO.
fn in_words_of_format(error: ConvertError, path: &Path) -> ConvertError {
    match guess(path) {
        Ok(Format::Ytvis | Format::Coco | Format::Cocovid) | Err(_) => error,
        Ok(other) => {
            let fault = Fault::new(
                "",
                "a YouTube-VIS or COCO file",
                format!("the format {other}"),
                "`data convert --to ytvis` translates it, and says what is wrong",
            );
            ConvertError::wrong(path, "the whole input", fault)
        }
    }
}

fn check_open(
    file: &Path,
    checkup: &Checkup,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Report, ConvertError> {
    let mut problems = Vec::new();
    let mut records = Records::read(file, &mut problems)?;
    let mut report = Report {
        has_videos: records.has_videos,
        num_records: records.list.len(),
        ..Report::default()
    };
    if let Some(images) = &checkup.images {
        report.num_frames = frames::check(images, &mut records, &mut problems, progress)?;
    }
    report.num_annotations = annotations::check(file, &records, &mut problems)?;
    if let Some(output) = &checkup.fix {
        report.num_fixed = fix::write(file, &records, output)?;
    }
    report.problems = problems;
    Ok(report)
}

#[cfg(test)]
mod tests;
