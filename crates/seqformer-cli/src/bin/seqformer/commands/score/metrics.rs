//! `seqformer score --metrics`: several metrics at once.

use anyhow::{Result, bail};
use clap::ValueEnum as _;
use seqformer_evaluation::{
    CocoEvaluator, CocoGroundTruth, CocoResults, GroundTruth, GroupScore, IouKind, Report, Results,
    YtvisEvaluator,
};
use seqformer_metrics::{
    Bootstrap, ComparedMetric, EmptyMasks, ErrorReport, Metric, MetricReport, Selection,
    TrackMetrics, compare,
};
use serde_json::{Map, Value, json};

use crate::args::{EmptyMasksChoice, Iou, MetricChoice, ScoreArgs};
use crate::output;

/// What is printed, and the same as JSON.
struct Scored {
    tables: Vec<String>,
    json: Map<String, Value>,
}

/// Scores the tracks of videos.
pub(super) fn score_videos(args: &ScoreArgs, truth: &GroundTruth, results: &Results) -> Result<()> {
    let asked: Vec<Metric> =
        args.metrics.iter().filter_map(|&choice| track_metric(choice)).collect();
    let mut reports = if asked.is_empty() {
        Vec::new()
    } else {
        TrackMetrics::evaluate(truth, results, &asked, selection(args))?.reports()
    };
    if !args.per_group {
        let hota = reports.iter_mut().filter(|report| report.metric == Metric::Hota);
        hota.for_each(|report| report.groups.clear());
    }
    let mut scored = Scored::new();
    for choice in choices(args) {
        match choice {
            MetricChoice::Ap => {
                let evaluator = YtvisEvaluator::new(truth);
                let report = evaluator.evaluate(results)?.report();
                scored.add_precision(args, choice, &report);
                if args.per_group {
                    scored.add_groups(choice, &evaluator.evaluate_groups(results)?);
                }
            }
            MetricChoice::BoxAp => {
                let report = YtvisEvaluator::new(truth).evaluate_boxes(results)?.report();
                scored.add_precision(args, choice, &report);
            }
            _ => {
                let metric = track_metric(choice);
                if let Some(report) = reports.iter().find(|report| Some(report.metric) == metric) {
                    scored.add_tracks(args, report);
                }
            }
        }
    }
    if args.errors {
        let errors = ErrorReport::new(truth, results)?;
        let table = errors.table(args.per_class).to_string();
        scored.tables.push(table.trim_end_matches('\n').to_owned());
        scored.json.insert("errors".to_owned(), errors.to_json());
    }
    scored.show(args)
}

/// Compares tracks with others of the same videos.
pub(super) fn compare_videos(
    args: &ScoreArgs,
    truth: &GroundTruth,
    results: [&Results; 2],
) -> Result<()> {
    let by_boxes = args.iou == Some(Iou::Box);
    let default = if by_boxes { ComparedMetric::BoxAp } else { ComparedMetric::Ap };
    let mut metrics: Vec<ComparedMetric> = choices(args).map(compared_metric).collect();
    if metrics.is_empty() {
        metrics.push(default);
    }
    let bootstrap = Bootstrap { seed: args.seed, num_draws: args.draws as usize };
    let comparisons = compare(truth, results, &metrics, selection(args), bootstrap)?;
    let mut scored = Scored::new();
    for (key, results) in ["results", "against"].into_iter().zip(results) {
        scored.json.insert(key.to_owned(), results.path().to_string_lossy().into());
    }
    scored.json.insert("draws".to_owned(), args.draws.into());
    scored.json.insert("seed".to_owned(), args.seed.into());
    for comparison in comparisons {
        let table = comparison.table(args.per_class, args.per_video).to_string();
        scored.tables.push(table.trim_end_matches('\n').to_owned());
        scored.json.insert(comparison.metric.name().to_owned(), comparison.to_json());
    }
    scored.show(args)
}

/// Refuses, before anything is read, metrics that single images do not have.
pub(super) fn check_images(args: &ScoreArgs) -> Result<()> {
    if let Some(choice) = choices(args).find(|&choice| track_metric(choice).is_some()) {
        bail!("--metrics {}: expected annotations of videos, found single images", name(choice));
    }
    let only_videos = [
        ("--min-score", args.min_score.is_some()),
        ("--per-video", args.per_video),
        ("--per-group", args.per_group),
        ("--empty-masks", args.empty_masks.is_some()),
        ("--errors", args.errors),
        ("--against", args.against.is_some()),
    ];
    if let Some((option, _)) = only_videos.into_iter().find(|(_, is_given)| *is_given) {
        bail!("{option}: expected annotations of videos, found single images");
    }
    Ok(())
}

/// Scores the objects of single images, which have masks and boxes alone.
pub(super) fn score_images(
    args: &ScoreArgs,
    truth: &CocoGroundTruth,
    results: &CocoResults,
) -> Result<()> {
    let mut scored = Scored::new();
    for choice in choices(args) {
        let kind = if choice == MetricChoice::BoxAp { IouKind::Box } else { IouKind::Mask };
        let report = CocoEvaluator::new(truth).evaluate(results, kind)?.report();
        scored.add_precision(args, choice, &report);
    }
    scored.show(args)
}

/// The metrics in the order given, each once.
fn choices(args: &ScoreArgs) -> impl Iterator<Item = MetricChoice> {
    let is_first =
        |&(place, choice): &(usize, &MetricChoice)| !args.metrics[..place].contains(choice);
    args.metrics.iter().enumerate().filter(is_first).map(|(_, &choice)| choice)
}

fn track_metric(choice: MetricChoice) -> Option<Metric> {
    Some(match choice {
        MetricChoice::Ap | MetricChoice::BoxAp => return None,
        MetricChoice::Hota => Metric::Hota,
        MetricChoice::Mots => Metric::Mots,
        MetricChoice::Idf1 => Metric::Identity,
        MetricChoice::Jf => Metric::Davis,
        MetricChoice::Teta => Metric::Teta,
    })
}

fn compared_metric(choice: MetricChoice) -> ComparedMetric {
    match (choice, track_metric(choice)) {
        (_, Some(metric)) => ComparedMetric::Tracks(metric),
        (MetricChoice::BoxAp, None) => ComparedMetric::BoxAp,
        (_, None) => ComparedMetric::Ap,
    }
}

fn selection(args: &ScoreArgs) -> Selection {
    let empty_masks = match args.empty_masks {
        None | Some(EmptyMasksChoice::Detections) => EmptyMasks::Detections,
        Some(EmptyMasksChoice::Absent) => EmptyMasks::Absent,
    };
    Selection { min_score: args.min_score, empty_masks }
}

/// How the command line calls a metric.
fn name(choice: MetricChoice) -> String {
    choice.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

impl Scored {
    fn new() -> Self {
        let format = ("format".to_owned(), output::METRICS_FORMAT.into());
        Self { tables: Vec::new(), json: Map::from_iter([format]) }
    }

    fn add_precision(&mut self, args: &ScoreArgs, choice: MetricChoice, report: &Report) {
        let title = if choice == MetricChoice::BoxAp { "AP of boxes" } else { "AP of masks" };
        self.tables.push(format!("{title}\n{}", super::table(args, report)));
        self.json.insert(name(choice), report.to_json());
    }

    /// Adds a table of groups below that of all objects.
    fn add_groups(&mut self, choice: MetricChoice, groups: &[GroupScore]) {
        let mut table =
            format!("{:<34}  {:>7}  {:>6}  {:>6}", "AP of masks", "objects", "AP", "AR100");
        let mut json = Map::new();
        for &GroupScore { group, num_objects, ap, ar } in groups {
            let name = group.name();
            let text =
                |value: f64| if value < 0.0 { "-".to_owned() } else { format!("{value:.3}") };
            let line = format!("\n{name:<34}  {num_objects:>7}  {:>6}  {:>6}", text(ap), text(ar));
            table.push_str(&line);
            json.insert(name, json!({"objects": num_objects, "AP": ap, "AR100": ar}));
        }
        self.tables.push(table);
        if let Some(numbers) = self.json.get_mut(&name(choice)) {
            numbers["per_group"] = json.into();
        }
    }

    fn add_tracks(&mut self, args: &ScoreArgs, report: &MetricReport) {
        let table = report.table(args.per_class, args.per_video).to_string();
        self.tables.push(table.trim_end_matches('\n').to_owned());
        self.json.insert(report.metric.name().to_owned(), report.to_json(args.per_video));
    }

    fn show(&self, args: &ScoreArgs) -> Result<()> {
        output::show(&self.tables.join("\n\n"), &self.json, args.json.as_deref())
    }
}
