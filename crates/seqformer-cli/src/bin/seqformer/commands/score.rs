//! `seqformer score`: annotations and results in; average precision and recall, and other metrics, out.

mod metrics;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use seqformer_evaluation::{
    CheckReport, CocoEvaluator, CocoGroundTruth, CocoResults, DatasetKind, GroundTruth, IouKind,
    Report, Results, YtvisEvaluator, check_coco_results, check_results,
};

use crate::args::{Benchmark, Iou, ScoreArgs};
use crate::output;

/// Runs the command.
pub(crate) fn run(args: &ScoreArgs) -> Result<()> {
    if let Some(json) = &args.json {
        let inputs = [Some(&args.gt), Some(&args.results), args.against.as_ref()];
        let inputs: Vec<&Path> = inputs.into_iter().flatten().map(PathBuf::as_path).collect();
        output::check_json(json, &inputs)?;
    }
    if args.per_video && args.metrics.is_empty() && args.against.is_none() {
        bail!(
            "--per-video: expected --metrics or --against beside it; add --metrics hota, for example"
        );
    }
    let benchmark = match args.benchmark {
        Some(benchmark) => benchmark,
        None => match DatasetKind::of_file(&args.gt)? {
            DatasetKind::Ytvis => Benchmark::Ytvis,
            DatasetKind::Coco => Benchmark::Coco,
        },
    };
    match benchmark {
        Benchmark::Ytvis => score_videos(args),
        Benchmark::Coco => score_images(args),
    }
}

fn score_videos(args: &ScoreArgs) -> Result<()> {
    let truth = GroundTruth::read(&args.gt)?;
    if args.check {
        show_check(args, &check_results(&args.results, &truth)?)?;
        if truth.tracks().is_empty() && args.json.is_none() && !args.per_class {
            return Ok(());
        }
    }
    warn_of_nothing(args, truth.tracks().is_empty());
    let results = Results::read(&args.results)?;
    if let Some(against) = &args.against {
        return metrics::compare_videos(args, &truth, [&results, &Results::read(against)?]);
    }
    if args.errors || !args.metrics.is_empty() {
        return metrics::score_videos(args, &truth, &results);
    }
    let evaluator = YtvisEvaluator::new(&truth);
    let evaluation = match args.iou {
        None | Some(Iou::Mask) => evaluator.evaluate(&results)?,
        Some(Iou::Box) => evaluator.evaluate_boxes(&results)?,
    };
    write(args, &evaluation.report())
}

fn score_images(args: &ScoreArgs) -> Result<()> {
    metrics::check_images(args)?;
    let truth = CocoGroundTruth::read(&args.gt)?;
    if args.check {
        show_check(args, &check_coco_results(&args.results, &truth)?)?;
        if truth.annotations().is_empty() && args.json.is_none() && !args.per_class {
            return Ok(());
        }
    }
    warn_of_nothing(args, truth.annotations().is_empty());
    let results = CocoResults::read(&args.results)?;
    if !args.metrics.is_empty() {
        return metrics::score_images(args, &truth, &results);
    }
    let kind = match args.iou {
        Some(Iou::Mask) => IouKind::Mask,
        None if results.has_masks() => IouKind::Mask,
        Some(Iou::Box) | None => IouKind::Box,
    };
    write(args, &CocoEvaluator::new(&truth).evaluate(&results, kind)?.report())
}

fn warn_of_nothing(args: &ScoreArgs, is_empty: bool) {
    if is_empty {
        tracing::warn!("{}: no annotations, so every number is -1", args.gt.display());
    }
}

/// Prints the scores, and writes them where requested.
fn write(args: &ScoreArgs, report: &Report) -> Result<()> {
    output::show(&table(args, report), &report.to_json(), args.json.as_deref())
}

/// The summary, and the classes where they are asked for.
fn table(args: &ScoreArgs, report: &Report) -> String {
    let summary = report.summary().to_string().trim_end_matches('\n').to_owned();
    if !args.per_class {
        return summary;
    }
    let classes = report.per_class_table().to_string();
    format!("{summary}\n\n{}", classes.trim_end_matches('\n'))
}

/// Prints a line that is not part of the scores.
fn say(args: &ScoreArgs, line: &str) {
    if args.json.as_deref().is_some_and(output::is_standard_output) {
        output::note(line);
    } else {
        output::print_line(line);
    }
}

/// Lists the faults of the results; any fault is an error.
fn show_check(args: &ScoreArgs, report: &CheckReport) -> Result<()> {
    for fault in &report.faults {
        say(args, &format!("{}: {fault}", args.results.display()));
    }
    let (results, faults) = (report.num_results, report.faults.len());
    if faults > 0 {
        bail!(
            "{}: {} in {}",
            args.results.display(),
            output::counted(faults, ["fault", "faults"]),
            output::counted(results, ["result", "results"])
        );
    }
    say(args, &format!("{}: {results} results, no fault", args.results.display()));
    Ok(())
}
