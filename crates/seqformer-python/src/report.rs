//! Pages to look at.

use std::path::PathBuf;

use pyo3::prelude::*;
use seqformer_evaluation::DatasetKind;
use seqformer_report::{ReportPlan, WrittenReport, write_report as write};

use crate::errors::{IntoPython, data};
use crate::run;

/// Writes a report. Returns its first page, the number of videos, its size in bytes, and notes.
#[pyfunction]
#[pyo3(signature = (gt, results, output, *, frames=None, copy_frames=false, run=None, min_score=None, overwrite=false))]
#[expect(clippy::too_many_arguments, reason = "keywords of the function in Python")]
pub(crate) fn write_report(
    py: Python<'_>,
    gt: PathBuf,
    results: Vec<PathBuf>,
    output: PathBuf,
    frames: Option<PathBuf>,
    copy_frames: bool,
    run: Option<PathBuf>,
    min_score: Option<f64>,
    overwrite: bool,
) -> PyResult<(PathBuf, usize, u64, Vec<String>)> {
    let plan = ReportPlan { gt, results, frames, copy_frames, run, min_score, output, overwrite };
    let written = run::finish(py, move |_stop| -> PyResult<WrittenReport> {
        if DatasetKind::of_file(&plan.gt).map_err(data)? == DatasetKind::Coco {
            return Err(data(format!(
                "{}: expected annotations of videos, found single images",
                plan.gt.display()
            )));
        }
        write(&plan).map_err(IntoPython::into_python)
    })?;
    Ok((written.index, written.num_videos, written.num_bytes, written.notes))
}
