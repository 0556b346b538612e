//! The numbers of the first page.

use minijinja::{Value, context};
use seqformer_evaluation::{GroupScore, ObjectGroup, STAT_NAMES};
use seqformer_metrics::{Comparison, ERROR_KINDS, Metric};
use serde::Serialize;

use crate::calibration::Calibration;
use crate::confusion::Confusion;
use crate::operating_point::OperatingPoint;
use crate::plots::{LinePlot, STYLES};
use crate::scored::Scored;

/// How many classes the matrix of confusion has at most.
const MATRIX_CLASSES: usize = 12;
/// How many pairs of classes are named.
const NAMED_PAIRS: usize = 8;
/// Recall at IoU thresholds that are drawn beside the mean.
const DRAWN_THRESHOLDS: [(usize, &str); 2] = [(0, "IoU 0.5"), (5, "IoU 0.75")];

/// A number of the overview, one value for each file of results.
#[derive(Debug, Serialize)]
struct Tile {
    name: &'static str,
    values: Vec<String>,
    note: Option<&'static str>,
}

/// A file of results on the first page.
#[derive(Debug, Serialize)]
struct ResultsPart<'a> {
    name: &'a str,
    point: OperatingPoint,
    calibration_error: String,
    matrix: Matrix<'a>,
    pairs: Vec<Pair<'a>>,
}

#[derive(Debug, Serialize)]
struct Matrix<'a> {
    columns: Vec<&'a str>,
    rows: Vec<MatrixRow<'a>>,
    /// How many classes are left out.
    others: usize,
}

#[derive(Debug, Serialize)]
struct MatrixRow<'a> {
    name: &'a str,
    cells: Vec<Cell>,
}

#[derive(Debug, Serialize)]
struct Cell {
    count: usize,
    style: &'static str,
    /// The part of the row.
    part: String,
}

#[derive(Debug, Serialize)]
struct Pair<'a> {
    object: &'a str,
    result: &'a str,
    count: usize,
}

/// Returns what the template of the first page takes for results.
pub(crate) fn of_results(
    scored: &[Scored],
    groups: &[Vec<GroupScore>],
    classes: &[String],
    comparison: Option<&[Comparison]>,
) -> Value {
    let results: Vec<ResultsPart<'_>> =
        scored.iter().map(|one| results_part(one, classes)).collect();
    let calibrations: Option<Vec<(String, &Calibration)>> =
        scored.iter().map(|one| Some((one.name.clone(), one.calibration.as_ref()?))).collect();
    context! {
        results,
        tiles => tiles(scored),
        comparison => comparison.map(compared_rows),
        precision_recall => precision_recall(scored),
        calibration => calibrations.map(|all| LinePlot::calibration(&all)),
        groups => group_rows(scored, groups),
        kinds => kind_rows(scored),
    }
}

fn tiles(scored: &[Scored]) -> Vec<Tile> {
    let fraction = |value: Option<f64>| match value {
        Some(value) if value >= 0.0 => format!("{value:.3}"),
        _ => "–".to_owned(),
    };
    let tile = |name, note, value: &dyn Fn(&Scored) -> Option<f64>| Tile {
        name,
        values: scored.iter().map(|one| fraction(value(one))).collect(),
        note,
    };
    let stat = |name: &'static str| {
        let place = STAT_NAMES.iter().position(|other| *other == name);
        move |one: &Scored| place.map(|place| one.precision.stats[place])
    };
    let metric = |metric: Metric, name: &'static str| move |one: &Scored| one.number(metric, name);
    let switches = |one: &Scored| {
        let count = one.number(Metric::Mots, "IDSW");
        count.map_or_else(|| "–".to_owned(), |count| format!("{count:.0}"))
    };
    vec![
        tile("AP", Some("of masks, IoU 0.5 to 0.95"), &stat("AP")),
        tile("HOTA", Some("detection and association"), &metric(Metric::Hota, "HOTA")),
        tile("precision", Some("IoU 0.5"), &|one| one.point.precision),
        tile("recall", Some("IoU 0.5"), &|one| one.point.recall),
        tile("AP50", None, &stat("AP50")),
        tile("AP75", None, &stat("AP75")),
        tile("AR10", None, &stat("AR10")),
        tile("DetA", None, &metric(Metric::Hota, "DetA")),
        tile("AssA", None, &metric(Metric::Hota, "AssA")),
        tile("IDF1", None, &metric(Metric::Identity, "IDF1")),
        Tile { name: "switches", values: scored.iter().map(switches).collect(), note: None },
    ]
}

fn precision_recall(scored: &[Scored]) -> LinePlot {
    let mut lines = Vec::new();
    for (one, style) in scored.iter().zip(STYLES) {
        let curves = one.evaluation.curves();
        let places: Vec<usize> = (0..curves.present().len()).collect();
        let named = |name: &str| match scored.len() {
            1 => name.to_owned(),
            _ => format!("{}, {name}", one.name),
        };
        if let Some(mean) = curves.mean_precision(None, &places) {
            lines.push((named("mean of IoU 0.5 to 0.95"), style, mean));
        }
        let more = if scored.len() == 1 { &["loose", "strict"] } else { &[""; 0][..] };
        for ((threshold, name), style) in DRAWN_THRESHOLDS.iter().zip(more.iter().copied()) {
            if let Some(values) = curves.mean_precision(Some(*threshold), &places) {
                lines.push((named(name), style, values));
            }
        }
    }
    LinePlot::precision_recall(lines)
}

fn group_rows(scored: &[Scored], groups: &[Vec<GroupScore>]) -> Vec<Value> {
    let row = |(place, group): (usize, ObjectGroup)| {
        let name = group.name();
        let values: Vec<Value> = scored
            .iter()
            .zip(groups)
            .map(|(one, groups)| {
                let ap = Some(groups[place].ap).filter(|ap| *ap >= 0.0);
                let hota =
                    ap.and(one.number_of(Metric::Hota, |report| &report.groups, &name, "HOTA"));
                context! { ap, hota }
            })
            .collect();
        let count = groups.first().map_or(0, |groups| groups[place].num_objects);
        context! { name, count, values }
    };
    ObjectGroup::all().into_iter().enumerate().map(row).collect()
}

fn kind_rows(scored: &[Scored]) -> Vec<Value> {
    let gain = |one: &Scored, place: usize| one.errors.kinds[place].mended_ap - one.errors.ap;
    let gains =
        scored.iter().flat_map(|one| (0..ERROR_KINDS.len()).map(move |place| gain(one, place)));
    let most = gains.fold(f64::EPSILON, f64::max);
    let row = |(place, kind): (usize, &seqformer_metrics::ErrorKind)| {
        let values: Vec<Value> = scored.iter().map(|one| {
            let gain = gain(one, place);
            context! { count => one.errors.kinds[place].count, gain, part => (gain / most).max(0.0) }
        }).collect();
        context! { name => kind.name(), values }
    };
    ERROR_KINDS.iter().enumerate().map(row).collect()
}

fn compared_rows(comparison: &[Comparison]) -> Vec<Value> {
    let row = |compared: &Comparison| {
        let all = &compared.all;
        let [interval, better] = match all.draws {
            None => ["–".to_owned(), "–".to_owned()],
            Some(draws) => {
                let [low, high] = draws.interval;
                [format!("{low:+.3} to {high:+.3}"), format!("{:.0}%", 100.0 * draws.better)]
            }
        };
        let difference = format!("{:+.3}", all.difference());
        let name = compared.metric.number();
        context! { name, first => all.first, second => all.second, difference, interval, better }
    };
    comparison.iter().map(row).collect()
}

fn results_part<'a>(one: &'a Scored, classes: &'a [String]) -> ResultsPart<'a> {
    let pair = |(object, result, count): (usize, usize, usize)| Pair {
        object: &classes[object],
        result: &classes[result],
        count,
    };
    ResultsPart {
        name: &one.name,
        point: one.point,
        calibration_error: one
            .calibration
            .as_ref()
            .map_or_else(String::new, |c| format!("{:.3}", c.error)),
        matrix: matrix(&one.confusion, classes),
        pairs: one.confusion.pairs().into_iter().take(NAMED_PAIRS).map(pair).collect(),
    }
}

fn matrix<'a>(confusion: &Confusion, classes: &'a [String]) -> Matrix<'a> {
    let shown = confusion.classes(MATRIX_CLASSES);
    let others = confusion.classes(usize::MAX).len() - shown.len();
    let sides = |none: &'a str| -> Vec<(Option<usize>, &'a str)> {
        let named = shown.iter().map(|&class| (Some(class), &*classes[class]));
        named.chain([(None, none)]).collect()
    };
    let row = |&(object, name): &(Option<usize>, &'a str)| {
        let columns = sides("not found");
        let total: usize = columns.iter().map(|&(result, _)| confusion.count(object, result)).sum();
        let cell = |&(result, _): &(Option<usize>, &str)| {
            let count = confusion.count(object, result);
            let style = if object.is_some() && object == result { "right" } else { "wrong" };
            Cell { count, style, part: format!("{:.3}", count as f64 / total.max(1) as f64) }
        };
        MatrixRow { name, cells: columns.iter().map(cell).collect() }
    };
    Matrix {
        columns: sides("not found").into_iter().map(|(_, name)| name).collect(),
        rows: sides("no object").iter().map(row).collect(),
        others,
    }
}
