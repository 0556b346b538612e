//! `seqformer score`: annotations and results in; average precision and recall out.

use std::io::Write as _;

use anyhow::{Result, bail};
use seqformer_evaluation::{GroundTruth, Results, YtvisEvaluator, check_results};

use crate::args::ScoreArgs;
use crate::{files, output};

/// Runs the command.
pub(crate) fn run(args: &ScoreArgs) -> Result<()> {
    let truth = GroundTruth::read(&args.gt)?;
    if args.check {
        check(args, &truth)?;
        if truth.tracks().is_empty() && args.json.is_none() && !args.per_class {
            return Ok(());
        }
    }
    if truth.tracks().is_empty() {
        tracing::warn!("{}: no annotations, so that every number is -1", args.gt.display());
    }
    let results = Results::read(&args.results)?;
    let report = YtvisEvaluator::new(&truth).evaluate(&results)?.report();
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&report.to_json())?;
        files::replace(path, |to| writeln!(to, "{text}"))?;
    }
    output::print_line(report.summary().to_string().trim_end_matches('\n'));
    if args.per_class {
        output::print_line(&format!("\n{}", report.per_class_table()).trim_end_matches('\n'));
    }
    Ok(())
}

/// Lists the faults of the results; any fault is an error.
fn check(args: &ScoreArgs, truth: &GroundTruth) -> Result<()> {
    let report = check_results(&args.results, truth)?;
    for fault in &report.faults {
        output::print_line(&format!("{}: {fault}", args.results.display()));
    }
    let (results, faults) = (report.num_results, report.faults.len());
    if faults > 0 {
        bail!("{}: {faults} faults in {results} results", args.results.display());
    }
    output::print_line(&format!("{}: {results} results, no fault", args.results.display()));
    Ok(())
}
