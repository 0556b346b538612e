//! `seqformer score`: annotations and results in; average precision and recall out.

use anyhow::{Result, bail};
use seqformer_evaluation::{
    CocoEvaluator, CocoGroundTruth, CocoResults, DatasetFormat, GroundTruth, IouKind, Report,
    Results, YtvisEvaluator, check_results,
};

use crate::args::{Benchmark, Iou, ScoreArgs};
use crate::output;

/// Runs the command.
pub(crate) fn run(args: &ScoreArgs) -> Result<()> {
    if let Some(json) = &args.json {
        output::check_json(json, &[&args.gt, &args.results])?;
    }
    let benchmark = match args.benchmark {
        Some(benchmark) => benchmark,
        None => match DatasetFormat::of_file(&args.gt)? {
            DatasetFormat::YoutubeVis => Benchmark::Ytvis,
            DatasetFormat::Coco => Benchmark::Coco,
        },
    };
    match benchmark {
        Benchmark::Ytvis => score_videos(args),
        Benchmark::Coco => score_images(args),
    }
}

fn score_videos(args: &ScoreArgs) -> Result<()> {
    if args.iou.is_some() {
        bail!(
            "--iou: expected annotations of single images, found videos: they are scored by masks"
        );
    }
    let truth = GroundTruth::read(&args.gt)?;
    if args.check {
        check(args, &truth)?;
        if truth.tracks().is_empty() && args.json.is_none() && !args.per_class {
            return Ok(());
        }
    }
    warn_of_nothing(args, truth.tracks().is_empty());
    let results = Results::read(&args.results)?;
    write(args, &YtvisEvaluator::new(&truth).evaluate(&results)?.report())
}

fn score_images(args: &ScoreArgs) -> Result<()> {
    if args.check {
        bail!("--check: expected annotations of videos, found single images");
    }
    let truth = CocoGroundTruth::read(&args.gt)?;
    warn_of_nothing(args, truth.annotations().is_empty());
    let results = CocoResults::read(&args.results)?;
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
    let mut table = report.summary().to_string().trim_end_matches('\n').to_owned();
    if args.per_class {
        let classes = report.per_class_table().to_string();
        table = format!("{table}\n\n{}", classes.trim_end_matches('\n'));
    }
    output::show(&table, &report.to_json(), args.json.as_deref())
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
fn check(args: &ScoreArgs, truth: &GroundTruth) -> Result<()> {
    let report = check_results(&args.results, truth)?;
    for fault in &report.faults {
        say(args, &format!("{}: {fault}", args.results.display()));
    }
    let (results, faults) = (report.num_results, report.faults.len());
    if faults > 0 {
        bail!("{}: {faults} faults in {results} results", args.results.display());
    }
    say(args, &format!("{}: {results} results, no fault", args.results.display()));
    Ok(())
}
