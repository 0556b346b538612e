//! `seqformer report` and `seqformer data browse`: annotations and results in, pages out.

use anyhow::{Result, bail};
use seqformer_evaluation::DatasetKind;
use seqformer_report::{ReportPlan, write_report};

use crate::args::{DataBrowseArgs, PageArgs, ReportArgs};
use crate::output;

/// How many files of results are compared at most.
const MOST_RESULTS: usize = 2;

/// Runs `report`.
pub(crate) fn run(args: &ReportArgs) -> Result<()> {
    let found = args.results.len();
    if found > MOST_RESULTS {
        bail!("--results: expected one file, or two that are compared, found {found}");
    }
    write(&ReportPlan {
        gt: args.gt.clone(),
        results: args.results.clone(),
        run: args.run.clone(),
        min_score: args.min_score,
        ..plan_of(&args.pages)
    })
}

/// Runs `data browse`.
pub(crate) fn browse(args: &DataBrowseArgs) -> Result<()> {
    write(&ReportPlan { gt: args.file.clone(), ..plan_of(&args.pages) })
}

fn plan_of(pages: &PageArgs) -> ReportPlan {
    ReportPlan {
        frames: pages.frames.clone(),
        copy_frames: pages.copy_frames,
        output: pages.output.clone(),
        overwrite: pages.overwrite,
        ..ReportPlan::default()
    }
}

fn write(plan: &ReportPlan) -> Result<()> {
    if DatasetKind::of_file(&plan.gt)? == DatasetKind::Coco {
        bail!(
            "{}: expected annotations of videos, found single images; `seqformer score` takes both",
            plan.gt.display()
        );
    }
    let written = write_report(plan)?;
    for note in &written.notes {
        output::note(&format!("note: {note}"));
    }
    output::print_line(&written.index.display().to_string());
    output::note(&format!(
        "{}, {:.1} MB; open the page in a browser",
        output::counted(written.num_videos, ["video", "videos"]),
        written.num_bytes as f64 / 1e6
    ));
    Ok(())
}
