//! Conversion, checks and statistics of datasets.

use std::path::PathBuf;
use std::str::FromStr;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use seqformer_convert::check::{Checkup, Severity, check};
use seqformer_convert::{Conversion, ConvertError, Format, ReadOptions, convert, read};
use seqformer_curation::Statistics;
use seqformer_files::Outputs;
use seqformer_masks::ImageSize;
use serde_json::json;

use crate::errors::{IntoPython, data};
use crate::run;

/// Returns the names of the formats of annotations: all that are read, and those that are written.
#[pyfunction]
pub(crate) fn format_names() -> (Vec<&'static str>, Vec<&'static str>) {
    let all = Format::ALL.into_iter();
    let written = all.clone().filter(|format| format.writer().is_some());
    (all.map(Format::name).collect(), written.map(Format::name).collect())
}

/// Reads a word of a list, with the message that names all of them.
pub(crate) fn named<T: FromStr<Err = String>>(what: &str, name: &str) -> PyResult<T> {
    name.parse()
        .map_err(|expected| PyValueError::new_err(format!("{what}: {expected}, found {name:?}")))
}

/// Makes options of what Python gives.
pub(crate) fn options(images: Option<PathBuf>, size: Option<(u32, u32)>) -> ReadOptions {
    ReadOptions { images, size: size.map(|(height, width)| ImageSize { height, width }) }
}

/// Converts annotations. Returns what was done as JSON.
#[pyfunction]
#[pyo3(signature = (input, output, to, *, from_format=None, images=None, size=None, boxes_as_masks=false, overwrite=false))]
#[expect(clippy::too_many_arguments, reason = "keywords of the function in Python")]
pub(crate) fn convert_dataset(
    py: Python<'_>,
    input: PathBuf,
    output: PathBuf,
    to: &str,
    from_format: Option<&str>,
    images: Option<PathBuf>,
    size: Option<(u32, u32)>,
    boxes_as_masks: bool,
    overwrite: bool,
) -> PyResult<String> {
    let from = from_format.map(|name| named("from_format", name)).transpose()?;
    let conversion = Conversion {
        input,
        from,
        to: named("to", to)?,
        output,
        overwrite,
        options: options(images, size),
        boxes_as_masks,
    };
    let done = run::finish(py, move |_stop| convert(&conversion))?;
    let notes: Vec<String> = done.notes.lines().collect();
    let told = json!({
        "from_format": done.from.name(),
        "was_guessed": done.was_guessed,
        "num_videos": done.num_videos,
        "num_frames": done.num_frames,
        "num_tracks": done.num_tracks,
        "notes": notes,
    });
    Ok(told.to_string())
}

/// Lists the faults of a file, as JSON.
#[pyfunction]
#[pyo3(signature = (file, *, images=None, fix=None, overwrite=false))]
pub(crate) fn check_dataset(
    py: Python<'_>,
    file: PathBuf,
    images: Option<PathBuf>,
    fix: Option<PathBuf>,
    overwrite: bool,
) -> PyResult<String> {
    if let Some(fix) = &fix {
        let mut outputs = Outputs::new(overwrite);
        outputs.add_input(&file);
        if let Some(images) = &images {
            outputs.add_input(images);
        }
        outputs.claim(fix).map_err(IntoPython::into_python)?;
    }
    let writes = fix.is_some();
    let checkup = Checkup { file, images, fix };
    let work = move || -> Result<_, ConvertError> { check(&checkup, &|_done, _total| ()) };
    let report = if writes { run::finish(py, move |_stop| work())? } else { run::read(py, work)? };
    let count =
        |severity| report.problems.iter().filter(|found| found.severity == severity).count();
    let lines: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    let told = json!({
        "num_videos": report.num_records,
        "num_annotations": report.num_annotations,
        "num_frames": report.num_frames,
        "num_errors": count(Severity::Error),
        "num_warnings": count(Severity::Warning),
        "num_fixed": report.num_fixed,
        "problems": report.problems,
        "lines": lines,
    });
    Ok(told.to_string())
}

/// Counts what a dataset holds. Returns JSON, and the table of the command.
#[pyfunction]
#[pyo3(signature = (input, *, from_format=None, images=None, size=None))]
pub(crate) fn dataset_statistics(
    py: Python<'_>,
    input: PathBuf,
    from_format: Option<&str>,
    images: Option<PathBuf>,
    size: Option<(u32, u32)>,
) -> PyResult<(String, String)> {
    let from = from_format.map(|name| named("from_format", name)).transpose()?;
    let statistics = run::read(py, move || -> Result<_, ConvertError> {
        Ok(Statistics::new(&read(&input, from, &options(images, size))?.dataset))
    })?;
    Ok((serde_json::to_string(&statistics).map_err(data)?, statistics.to_string()))
}
